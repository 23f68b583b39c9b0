//! Answers over HTTP/1.1, whole or broken as ordered.

use std::os::fd::AsFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Response, header};
use hyper::body::{Body, Frame, SizeHint};
use serde_json::Value;
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

use crate::cloud::reply::Reply;

fn head(reply: &Reply) -> Response<()> {
    let mut head = Response::new(());
    *head.status_mut() = reply.status;
    let headers = head.headers_mut();
    if !reply.body.is_empty()
        && let Ok(kind) = HeaderValue::from_str(&reply.content_type)
    {
        headers.insert(header::CONTENT_TYPE, kind);
    }
    for (name, value) in &reply.headers {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(*name, value);
        }
    }
    head
}

pub(crate) fn whole(reply: Reply) -> Response<Answer> {
    head(&reply).map(|()| Answer::Whole(Some(reply.body)))
}

pub(crate) fn half(reply: Reply, line: Arc<Line>) -> Response<Answer> {
    let body = &reply.body;
    let sent = body.slice(..body.len() / 2);
    let left = (body.len() - sent.len()).max(1) as u64;
    head(&reply).map(|()| Answer::Half { sent: Some(sent), left, pause: Box::pin(sleep(FLUSH)), line })
}

pub(crate) fn oversize(bytes: u64) -> Response<Answer> {
    head(&Reply::ok(&Value::Null)).map(|()| Answer::Filler { total: bytes.max(2), sent: 0 })
}

/// The socket below TLS, to be able to reset it.
#[derive(Debug)]
pub(crate) struct Line(socket2::Socket);

impl Line {
    /// The socket of `stream`.
    pub(crate) fn of(stream: &TcpStream) -> std::io::Result<Self> {
        Ok(Self(socket2::Socket::from(stream.as_fd().try_clone_to_owned()?)))
    }
}

/// The body of an answer.
pub(crate) enum Answer {
    Whole(Option<Bytes>),
    /// What is sent, then a reset where `left` bytes were promised.
    Half {
        sent: Option<Bytes>,
        left: u64,
        pause: Pin<Box<Sleep>>,
        line: Arc<Line>,
    },
    /// `[`, blanks, `]`.
    Filler {
        total: u64,
        sent: u64,
    },
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Reset;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Reset>>> {
        match &mut *self {
            Self::Whole(body) => {
                Poll::Ready(body.take().filter(|body| !body.is_empty()).map(|body| Ok(Frame::data(body))))
            }
            Self::Half { sent, pause, line, .. } => {
                if let Some(sent) = sent.take().filter(|sent| !sent.is_empty()) {
                    return Poll::Ready(Some(Ok(Frame::data(sent))));
                }
                pause.as_mut().poll(context).map(|()| {
                    let _ = line.0.set_linger(Some(Duration::ZERO)); // closing resets from now on
                    Some(Err(Reset))
                })
            }
            Self::Filler { total, sent } => {
                let size = (*total - *sent).min(CHUNK.len() as u64);
                if size == 0 {
                    return Poll::Ready(None);
                }
                let mut chunk = CHUNK.to_vec();
                chunk.truncate(usize::try_from(size).unwrap_or(CHUNK.len()));
                if *sent == 0 {
                    chunk[0] = b'[';
                }
                *sent += size;
                if *sent == *total
                    && let Some(last) = chunk.last_mut()
                {
                    *last = b']';
                }
                Poll::Ready(Some(Ok(Frame::data(chunk.into()))))
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(match self {
            Self::Whole(body) => body.as_ref().map_or(0, |body| body.len() as u64),
            Self::Half { sent, left, .. } => sent.as_ref().map_or(0, |sent| sent.len() as u64) + left,
            Self::Filler { total, sent } => total - sent,
        })
    }
}

/// The answer breaks off here, as ordered.
#[derive(Debug, Error)]
#[error("broken off as ordered")]
pub(crate) struct Reset;

const CHUNK: &[u8] = &[b' '; 16_384];
const FLUSH: Duration = Duration::from_millis(50);
