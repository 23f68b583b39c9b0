//! A receiver of SNMP notifications.

use std::collections::HashSet;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use ids::Timestamp;
use socket2::SockRef;
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::inbox::{CAPACITY, Inbox, Missed};
use crate::notification::{Kind, Message};
use crate::rng::Rng;

/// Receives traps and informs over UDP on loopback, and acknowledges informs.
///
/// SNMP v2c is read whole; of v3 only the header is read and nothing is answered, since this knows no keys.
pub struct TrapReceiver {
    address: SocketAddr,
    shared: Arc<Shared>,
    receiving: Mutex<Option<JoinHandle<()>>>,
}

/// One notification that arrived.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ReceivedTrap {
    /// Who sent it.
    pub from: SocketAddr,
    /// When it arrived, by this machine's clock.
    pub at: Timestamp,
    /// What was in it.
    pub message: Message,
    /// The datagram.
    pub datagram: Bytes,
    /// Whether a correct acknowledgement was sent.
    pub acknowledged: bool,
}

/// What a [`TrapReceiver`] does wrong, from the moment it is told.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum TrapMisbehaviour {
    /// Nothing: every inform is acknowledged.
    #[default]
    None,
    /// Records informs and answers none.
    Silent,
    /// Records the next so many informs without an answer, then behaves.
    IgnoreFirst(u64),
    /// Answers with a request id that is one too high.
    WrongRequestId,
    /// Answers with the right request id and without variables.
    EmptyVarbinds,
    /// Loses so many datagrams in a hundred: they are counted as lost, not recorded and not answered.
    Lose {
        /// How many in a hundred.
        percent: u8,
        /// Where the choice comes from; print it.
        seed: u64,
    },
}

/// What a [`TrapReceiver`] has counted since its start.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct TrapCounters {
    /// Traps of v2c.
    pub traps: u64,
    /// Informs of v2c, repeats among them.
    pub informs: u64,
    /// Informs whose sender and request id were seen before among the last 65,536.
    pub repeated_informs: u64,
    /// Messages of v3.
    pub v3: u64,
    /// Informs acknowledged correctly.
    pub acknowledged: u64,
    /// Datagrams lost on purpose.
    pub lost: u64,
    /// Datagrams that could not be read.
    pub malformed: u64,
    /// Notifications no longer in the record, since it is bounded.
    pub dropped: u64,
}

struct Shared {
    inbox: Inbox<ReceivedTrap>,
    state: Mutex<State>,
}

struct State {
    misbehaviour: TrapMisbehaviour,
    rng: Rng,
    counters: TrapCounters,
    /// Informs seen, in two halves: when one is full it becomes the older one.
    seen: [HashSet<(SocketAddr, i32)>; 2],
    last_error: Option<String>,
}

impl TrapReceiver {
    /// Listens on a free port of `127.0.0.1`.
    ///
    /// # Errors
    ///
    /// When no socket can be bound.
    pub async fn start() -> io::Result<Self> {
        Self::start_on(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), CAPACITY).await
    }

    /// Listens on `address` and keeps the newest `capacity` notifications.
    ///
    /// # Errors
    ///
    /// When `address` cannot be bound.
    pub async fn start_on(address: SocketAddr, capacity: usize) -> io::Result<Self> {
        let socket = bind(address).await?;
        let address = socket.local_addr()?;
        let state = State {
            misbehaviour: TrapMisbehaviour::None,
            rng: Rng::new(0),
            counters: TrapCounters::default(),
            seen: Default::default(),
            last_error: None,
        };
        let shared = Arc::new(Shared { inbox: Inbox::new(capacity), state: Mutex::new(state) });
        let task = tokio::spawn(receive(socket, Arc::clone(&shared)));
        Ok(Self { address, shared, receiving: Mutex::new(Some(task)) })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Does from now on what `misbehaviour` says.
    pub fn misbehave(&self, misbehaviour: TrapMisbehaviour) {
        let mut state = self.shared.state();
        state.misbehaviour = misbehaviour;
        if let TrapMisbehaviour::Lose { seed, .. } = misbehaviour {
            state.rng = Rng::new(seed);
        }
    }

    /// The next notification that this method has not handed out yet.
    ///
    /// # Errors
    ///
    /// [`Missed`] when none arrived `within` that time.
    pub async fn next(&self, within: Duration) -> Result<ReceivedTrap, Missed> {
        self.shared.inbox.next(within).await
    }

    /// Waits until `count` notifications have arrived since the start.
    ///
    /// # Errors
    ///
    /// [`Missed`] when there were fewer `within` that time.
    pub async fn wait_for(&self, count: u64, within: Duration) -> Result<(), Missed> {
        self.shared.inbox.wait_for(count, within).await
    }

    /// The notifications still in the record, oldest first.
    #[must_use]
    pub fn received(&self) -> Vec<ReceivedTrap> {
        self.shared.inbox.all()
    }

    /// What was counted so far.
    #[must_use]
    pub fn counters(&self) -> TrapCounters {
        TrapCounters { dropped: self.shared.inbox.dropped(), ..self.shared.state().counters }
    }

    /// Why the last datagram counted as malformed is so.
    #[must_use]
    pub fn last_error(&self) -> Option<String> {
        self.shared.state().last_error.clone()
    }

    /// Closes the socket: what is sent here is answered with "port unreachable". The record stays.
    pub async fn stop(&self) {
        let task = self.receiving.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = task {
            task.abort();
            let _ = task.await; // cancelled, as asked; the socket is dropped with it
        }
    }

    /// Listens again at the same port after [`Self::stop`].
    ///
    /// # Errors
    ///
    /// When the port is still taken after five seconds.
    pub async fn restart(&self) -> io::Result<()> {
        self.stop().await;
        let deadline = Instant::now() + Duration::from_secs(5);
        let socket = loop {
            match bind(self.address).await {
                Err(error) if error.kind() == io::ErrorKind::AddrInUse && Instant::now() < deadline => {
                    sleep(Duration::from_millis(20)).await;
                }
                bound => break bound?,
            }
        };
        let task = tokio::spawn(receive(socket, Arc::clone(&self.shared)));
        *self.receiving.lock().unwrap_or_else(PoisonError::into_inner) = Some(task);
        Ok(())
    }
}

impl Drop for TrapReceiver {
    fn drop(&mut self) {
        if let Some(task) = self.receiving.lock().unwrap_or_else(PoisonError::into_inner).take() {
            task.abort();
        }
    }
}

impl std::fmt::Debug for TrapReceiver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TrapReceiver")
            .field("address", &self.address)
            .field("counters", &self.counters())
            .finish_non_exhaustive()
    }
}

async fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind(address).await?;
    let _ = SockRef::from(&socket).set_recv_buffer_size(RECEIVE_BUFFER); // the system may grant less
    Ok(socket)
}

async fn receive(socket: UdpSocket, shared: Arc<Shared>) {
    let mut buffer = vec![0; 65_536];
    loop {
        let Ok((count, from)) = socket.recv_from(&mut buffer).await else {
            continue; // an ICMP answer to an acknowledgement; the socket is still good
        };
        if let Some(answer) = shared.take(&buffer[..count], from) {
            let _ = socket.send_to(&answer, from).await;
        }
    }
}

impl Shared {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records a datagram and says what to answer.
    fn take(&self, datagram: &[u8], from: SocketAddr) -> Option<Vec<u8>> {
        let mut state = self.state();
        if let TrapMisbehaviour::Lose { percent, .. } = state.misbehaviour
            && state.rng.percent(percent)
        {
            state.counters.lost += 1;
            return None;
        }
        let message = match Message::decode(datagram) {
            Ok(message) => message,
            Err(error) => {
                state.counters.malformed += 1;
                state.last_error = Some(format!("{error} in a datagram of {} bytes", datagram.len()));
                return None;
            }
        };
        let (answer, acknowledged) = state.answer(&message, from);
        drop(state);
        let datagram = Bytes::copy_from_slice(datagram);
        let weight = 4 * datagram.len();
        self.inbox.push(ReceivedTrap { from, at: Timestamp::now(), message, datagram, acknowledged }, weight);
        answer
    }
}

impl State {
    /// Counts `message`; says what to answer and whether that is a correct acknowledgement.
    fn answer(&mut self, message: &Message, from: SocketAddr) -> (Option<Vec<u8>>, bool) {
        let notification = match message {
            Message::V3(_) => {
                self.counters.v3 += 1;
                return (None, false);
            }
            Message::V2c(notification) => notification,
        };
        if notification.kind == Kind::Trap {
            self.counters.traps += 1;
            return (None, false);
        }
        let id = notification.request_id;
        self.counters.informs += 1;
        self.counters.repeated_informs += u64::from(!self.note((from, id)));
        match &mut self.misbehaviour {
            TrapMisbehaviour::Silent => return (None, false),
            TrapMisbehaviour::IgnoreFirst(left) if *left > 0 => {
                *left -= 1;
                return (None, false);
            }
            TrapMisbehaviour::WrongRequestId => {
                return (Some(notification.response(id.wrapping_add(1), true)), false);
            }
            TrapMisbehaviour::EmptyVarbinds => return (Some(notification.response(id, false)), false),
            TrapMisbehaviour::None | TrapMisbehaviour::IgnoreFirst(_) | TrapMisbehaviour::Lose { .. } => {}
        }
        self.counters.acknowledged += 1;
        (Some(notification.response(id, true)), true)
    }

    /// Whether this inform is new.
    fn note(&mut self, inform: (SocketAddr, i32)) -> bool {
        if self.seen.iter().any(|half| half.contains(&inform)) {
            return false;
        }
        if self.seen[0].len() >= SEEN {
            self.seen.swap(0, 1);
            self.seen[0].clear();
        }
        self.seen[0].insert(inform)
    }
}

const RECEIVE_BUFFER: usize = 8 << 20;
const SEEN: usize = 65_536;

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;
    use crate::notification::tests::{inform, trap};

    const SOON: Duration = Duration::from_secs(5);
    const LITTLE: Duration = Duration::from_millis(50);

    async fn pair() -> (TrapReceiver, UdpSocket) {
        let receiver = TrapReceiver::start().await.unwrap();
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket.connect(receiver.address()).await.unwrap();
        (receiver, socket)
    }

    /// Sends an inform and gives back the answer's bytes, when there is one `within` that time.
    async fn answer(socket: &UdpSocket, request_id: i32, within: Duration) -> Option<Vec<u8>> {
        socket.send(&inform(request_id)).await.unwrap();
        let mut buffer = vec![0; 2000];
        let count = timeout(within, socket.recv(&mut buffer)).await.ok()?.unwrap();
        Some(buffer[..count].to_vec())
    }

    async fn ask(socket: &UdpSocket, request_id: i32) -> Vec<u8> {
        answer(socket, request_id, SOON).await.unwrap()
    }

    fn acknowledgement(request_id: i32) -> Vec<u8> {
        let mut bytes = inform(request_id);
        bytes[13] = 0xa2;
        bytes
    }

    #[tokio::test]
    async fn traps_and_informs_are_recorded_in_order_and_informs_acknowledged() {
        let (receiver, socket) = pair().await;

        socket.send(&trap()).await.unwrap();
        assert_eq!(ask(&socket, 0x0101_0101).await, acknowledgement(0x0101_0101));

        let first = receiver.next(SOON).await.unwrap();
        assert_eq!(first.from, socket.local_addr().unwrap());
        assert_eq!(first.message.notification().unwrap().kind, Kind::Trap);
        let second = receiver.next(SOON).await.unwrap();
        assert_eq!(second.message.notification().unwrap().request_id, 0x0101_0101);
        assert!(second.acknowledged && !first.acknowledged);
        assert_eq!(second.datagram, inform(0x0101_0101));
        let counters = receiver.counters();
        assert_eq!((counters.traps, counters.informs, counters.acknowledged), (1, 1, 1));
    }

    #[tokio::test]
    async fn it_misbehaves_as_told_and_stops_when_told() {
        const ID: i32 = 0x0102_0304;
        let (receiver, socket) = pair().await;

        receiver.misbehave(TrapMisbehaviour::Silent);
        assert_eq!(answer(&socket, ID, LITTLE).await, None);
        receiver.misbehave(TrapMisbehaviour::IgnoreFirst(1));
        assert_eq!(answer(&socket, ID, LITTLE).await, None);
        assert_eq!(ask(&socket, ID).await, acknowledgement(ID));
        receiver.misbehave(TrapMisbehaviour::WrongRequestId);
        assert_eq!(ask(&socket, ID).await, acknowledgement(ID + 1));
        receiver.misbehave(TrapMisbehaviour::EmptyVarbinds);
        let empty = ask(&socket, ID).await;
        assert!(empty.ends_with(&[0x30, 0x00]) && empty.windows(4).any(|w| w == ID.to_be_bytes()));
        receiver.misbehave(TrapMisbehaviour::None);
        assert_eq!(ask(&socket, ID).await, acknowledgement(ID));

        let counters = receiver.counters();
        assert_eq!((counters.informs, counters.repeated_informs, counters.acknowledged), (6, 5, 2));
    }

    #[tokio::test]
    async fn lost_datagrams_are_counted_and_follow_the_seed() {
        let mut runs = Vec::new();
        for _ in 0..2 {
            let (receiver, socket) = pair().await;
            receiver.misbehave(TrapMisbehaviour::Lose { percent: 50, seed: 42 });
            for _ in 0..40 {
                socket.send(&trap()).await.unwrap();
            }
            let counters = timeout(SOON, async {
                loop {
                    match receiver.counters() {
                        counters if counters.lost + counters.traps == 40 => break counters,
                        _ => tokio::task::yield_now().await,
                    }
                }
            });
            let counters = counters.await.unwrap();
            runs.push((counters.lost, counters.traps));
        }

        assert_eq!(runs[0], runs[1], "seed 42");
        assert!((5..35).contains(&runs[0].0), "seed 42: {runs:?}");
    }

    #[tokio::test]
    async fn what_cannot_be_read_is_counted_with_its_reason() {
        let (receiver, socket) = pair().await;

        socket.send(&[0x30, 0x03, 0x02, 0x01, 0x00]).await.unwrap();
        socket.send(&trap()).await.unwrap();

        receiver.next(SOON).await.unwrap();
        assert_eq!((receiver.counters().malformed, receiver.counters().traps), (1, 1));
        assert!(receiver.last_error().unwrap().contains("v1"));
    }

    #[tokio::test]
    async fn after_a_stop_it_comes_back_at_the_same_port_with_its_record() {
        let (receiver, socket) = pair().await;
        socket.send(&trap()).await.unwrap();
        receiver.wait_for(1, SOON).await.unwrap();

        receiver.stop().await;
        socket.send(&trap()).await.unwrap();
        let mut buffer = [0; 10];
        let refused = timeout(SOON, socket.recv(&mut buffer)).await.unwrap();
        assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
        receiver.restart().await.unwrap();
        socket.send(&trap()).await.unwrap();

        receiver.wait_for(2, SOON).await.unwrap();
        assert_eq!(receiver.received().len(), 2);
    }
}
