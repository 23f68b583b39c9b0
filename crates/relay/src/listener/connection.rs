//! One connection: its bytes, watched, with a deadline for whatever it is expected to do next.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use super::head::HeadWatch;

/// How long a connection may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// For one whole head, counted from its first byte.
    pub(crate) head: Duration,
    /// Between two requests.
    pub(crate) idle: Duration,
}

/// Why a connection ended without an answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Expired {
    Head,
    Idle,
}

/// What a connection is expected to bring next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stage {
    /// The rest of the head behind so many others.
    Head(u64),
    /// The rest of the body that belongs to the last of so many heads.
    Body(u64),
    /// Nothing, behind so many heads.
    Rest(u64),
}

/// A connection whose reads are watched and end when it takes too long.
#[derive(Debug)]
pub(crate) struct Connection<S> {
    stream: S,
    watch: Arc<Mutex<HeadWatch>>,
    patience: Patience,
    stage: Stage,
    deadline: Instant,
    /// Armed lazily: it may fire before the deadline and is then set again.
    timer: Pin<Box<Sleep>>,
    expired: Option<Expired>,
}

impl<S> Connection<S> {
    /// The first head must be whole at `first`; every other one has its `patience`.
    pub(crate) fn new(stream: S, patience: Patience, first: Instant) -> Self {
        Self {
            stream,
            watch: Arc::default(),
            patience,
            stage: Stage::Head(0),
            deadline: first,
            timer: Box::pin(sleep_until(first)),
            expired: None,
        }
    }

    /// What is known of the heads that have come by.
    pub(crate) fn watch(&self) -> Arc<Mutex<HeadWatch>> {
        Arc::clone(&self.watch)
    }

    /// Why reading ended, when it was for taking too long.
    pub(crate) const fn expired(&self) -> Option<Expired> {
        self.expired
    }

    pub(crate) fn into_stream(self) -> S {
        self.stream
    }

    fn moved(&mut self, bytes: &[u8]) {
        let stage = {
            let mut watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
            watch.feed(bytes);
            let heads = watch.heads();
            if watch.is_in_head() || heads == 0 {
                Stage::Head(heads)
            } else if watch.is_between() {
                Stage::Rest(heads)
            } else {
                Stage::Body(heads)
            }
        };
        // time runs from where a stage began: bytes that only go on with it win none, and line ends between two
        // requests go on with the rest
        if stage != self.stage {
            self.stage = stage;
            self.deadline = Instant::now()
                + match stage {
                    Stage::Head(_) => self.patience.head,
                    Stage::Rest(_) => self.patience.idle,
                    // while a body is read the request's own deadline runs; this one only has to be later
                    Stage::Body(_) => FOREVER,
                };
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Connection<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buf.filled().len();
        if Pin::new(&mut this.stream).poll_read(cx, buf)?.is_ready() {
            this.moved(&buf.filled()[before..]);
            return Poll::Ready(Ok(()));
        }
        loop {
            if this.timer.deadline() > this.deadline {
                // the deadline came nearer than the timer: only then must it be set at once
                this.timer.as_mut().reset(this.deadline);
            }
            ready!(this.timer.as_mut().poll(cx));
            if Instant::now() >= this.deadline {
                this.expired = Some(match this.stage {
                    Stage::Head(_) => Expired::Head,
                    Stage::Body(_) | Stage::Rest(_) => Expired::Idle,
                });
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            this.timer.as_mut().reset(this.deadline);
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Connection<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

/// Longer than any request may take.
const FOREVER: Duration = Duration::from_secs(3600);

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    const PATIENCE: Patience = Patience { head: Duration::from_secs(10), idle: Duration::from_secs(60) };

    #[tokio::test(start_paused = true)]
    async fn a_head_that_drips_ends_with_the_time_of_one_head() {
        let (mut client, server) = duplex(64);
        let mut connection = Connection::new(server, PATIENCE, Instant::now() + PATIENCE.head);
        let start = Instant::now();
        let drip = tokio::spawn(async move {
            while client.write_all(b"x").await.is_ok() {
                tokio::time::sleep(Duration::from_secs(3)).await;
            }
        });

        let mut bytes = Vec::new();
        let error = connection.read_to_end(&mut bytes).await.unwrap_err();

        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(connection.expired(), Some(Expired::Head));
        assert_eq!(start.elapsed().as_secs(), 10);
        drip.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_head_has_what_the_handshake_left_and_the_next_one_its_own_time() {
        for (begins, ends, after) in
            [("GET", Expired::Head, 3), ("GET / HTTP/1.1\r\n\r\nGET", Expired::Head, 10)]
        {
            let (mut client, server) = duplex(1024);
            let start = Instant::now();
            let mut connection = Connection::new(server, PATIENCE, start + Duration::from_secs(3));
            client.write_all(begins.as_bytes()).await.unwrap();

            connection.read_to_end(&mut Vec::new()).await.unwrap_err();

            assert_eq!((connection.expired(), start.elapsed().as_secs()), (Some(ends), after), "{begins:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_may_rest_between_requests_but_not_for_ever() {
        let (mut client, server) = duplex(1024);
        let mut connection = Connection::new(server, PATIENCE, Instant::now() + PATIENCE.head);
        let start = Instant::now();
        let task = tokio::spawn(async move {
            client.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
            tokio::time::sleep(Duration::from_secs(59)).await;
            client.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
            std::future::pending::<()>().await;
        });

        let mut bytes = Vec::new();
        connection.read_to_end(&mut bytes).await.unwrap_err();

        assert_eq!(connection.expired(), Some(Expired::Idle));
        assert_eq!(start.elapsed().as_secs(), 119);
        task.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_after_a_rest_has_its_own_time() {
        let (mut client, server) = duplex(1024);
        let mut connection = Connection::new(server, PATIENCE, Instant::now() + PATIENCE.head);
        let start = Instant::now();
        let task = tokio::spawn(async move {
            client.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
            tokio::time::sleep(Duration::from_secs(30)).await;
            client.write_all(b"GET").await.unwrap();
            std::future::pending::<()>().await;
        });

        let mut bytes = Vec::new();
        connection.read_to_end(&mut bytes).await.unwrap_err();

        assert_eq!(connection.expired(), Some(Expired::Head));
        assert_eq!(start.elapsed().as_secs(), 40);
        task.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn line_ends_between_requests_win_no_time() {
        for (first, ends, after) in [("", Expired::Head, 10), ("GET / HTTP/1.1\r\n\r\n", Expired::Idle, 60)] {
            let (mut client, server) = duplex(1024);
            let mut connection = Connection::new(server, PATIENCE, Instant::now() + PATIENCE.head);
            let start = Instant::now();
            let drip = tokio::spawn(async move {
                client.write_all(first.as_bytes()).await.unwrap();
                while client.write_all(b"\r\n").await.is_ok() {
                    tokio::time::sleep(Duration::from_secs(7)).await;
                }
            });

            connection.read_to_end(&mut Vec::new()).await.unwrap_err();

            assert_eq!((connection.expired(), start.elapsed().as_secs()), (Some(ends), after), "{first:?}");
            drip.abort();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn requests_that_follow_each_other_without_rest_each_have_their_own_time() {
        let (mut client, server) = duplex(1024);
        let mut connection = Connection::new(server, PATIENCE, Instant::now() + PATIENCE.head);
        let start = Instant::now();
        let task = tokio::spawn(async move {
            // every read ends inside a head, and every head is only seven seconds old
            client.write_all(b"GET").await.unwrap();
            for _ in 0..5 {
                tokio::time::sleep(Duration::from_secs(7)).await;
                client.write_all(b" / HTTP/1.1\r\n\r\nGET").await.unwrap();
            }
            std::future::pending::<()>().await;
        });

        connection.read_to_end(&mut Vec::new()).await.unwrap_err();

        assert_eq!((connection.expired(), start.elapsed().as_secs()), (Some(Expired::Head), 45));
        task.abort();
    }
}
