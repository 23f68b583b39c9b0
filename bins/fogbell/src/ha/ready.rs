//! `fogbell ha ready`: `/readyz` as an exit code.

use std::error::Error;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The relay's admin listener, `admin.address` in its configuration
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:9460")]
    address: SocketAddr,
}

/// Asks; what the relay answers when it is not ready is the error.
pub(crate) fn ask(args: &Args) -> Result<(), Box<dyn Error>> {
    let head = answer(args.address).map_err(|error| format!("nobody says at {}: {error}", args.address))?;
    match head.split(' ').nth(1) {
        Some("200") => Ok(()),
        _ => {
            let why = head.rsplit("\r\n\r\n").next().unwrap_or_default().trim();
            Err(format!("{} says: {why}", args.address).into())
        }
    }
}

/// What is answered, whole or as much as came in time.
fn answer(address: SocketAddr) -> std::io::Result<String> {
    let until = Instant::now() + PATIENCE;
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_write_timeout(Some(PATIENCE))?;
    // in one piece
    let request = format!("GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    let mut part = [0; 1024];
    while answer.len() < MAX_BYTES {
        let left = until.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut part)? {
            0 => break,
            read => answer.extend(&part[..read]),
        }
    }
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// Shorter than the second that keepalived gives it.
const PATIENCE: Duration = Duration::from_millis(800);

const MAX_BYTES: usize = 8 << 10;

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    /// Asks somebody who answers with `answer`.
    fn asked(answer: &'static str) -> Result<(), String> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let served = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 1024];
            let read = stream.read(&mut request).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
            String::from_utf8_lossy(&request[..read]).into_owned()
        });
        let said = ask(&Args { address }).map_err(|error| error.to_string());
        assert!(served.join().unwrap().starts_with("GET /readyz HTTP/1.1\r\n"));
        said
    }

    #[test]
    fn only_200_is_ready_and_what_else_is_said_is_told() {
        assert_eq!(asked("HTTP/1.1 200 OK\r\n\r\nready\n"), Ok(()));
        let full = asked("HTTP/1.1 503 Service Unavailable\r\n\r\nnot ready: the journal has no room\n");
        assert!(full.unwrap_err().ends_with("says: not ready: the journal has no room"));
        assert!(asked("").is_err() && asked("HTTP/1.1 2000\r\n\r\n").is_err());
    }

    #[test]
    fn nobody_there_and_nobody_who_answers_are_not_ready() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        assert!(ask(&Args { address }).is_err(), "nobody answers");
        drop(listener);
        assert!(ask(&Args { address }).unwrap_err().to_string().contains("nobody says"));
    }
}
