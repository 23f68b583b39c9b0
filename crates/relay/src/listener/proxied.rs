//! A connection that a proxy passes on begins with whom it comes from.

use std::io;
use std::net::IpAddr;

use tokio::io::{AsyncRead, AsyncReadExt};
use webhook::{ProxyError, ProxyHeader};

/// Reads the PROXY header of a connection and not one byte more: where it comes from, or `None` when the proxy speaks
/// for itself.
pub(super) async fn source<S: AsyncRead + Unpin>(stream: &mut S) -> Result<Option<IpAddr>, Unproxied> {
    let mut first = [0; ProxyHeader::BYTES];
    stream.read_exact(&mut first).await?;
    let header = ProxyHeader::parse(&first)?;
    let mut rest = vec![0; header.length()];
    stream.read_exact(&mut rest).await?;
    Ok(header.source(&rest)?)
}

/// Why it is not known where a connection comes from.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unproxied {
    /// It ended first, as those do that only see whether somebody listens.
    #[error("the connection ended before its PROXY header")]
    Ended(#[from] io::Error),
    /// Its header cannot be used.
    #[error(transparent)]
    Header(#[from] ProxyError),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_behind_the_header_is_left_for_tls() {
        let bytes = [
            b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c".as_slice(),
            &[203, 0, 113, 7, 0, 0, 0, 0, 0, 0, 0, 0],
            b"TLS",
        ];
        let bytes = bytes.concat();
        let mut stream = bytes.as_slice();

        let source = source(&mut stream).await.unwrap();

        assert_eq!(source, Some([203, 0, 113, 7].into()));
        assert_eq!(stream, b"TLS");
    }

    #[tokio::test]
    async fn a_connection_that_ends_early_names_nobody() {
        for bytes in [&b""[..], b"\r\n\r\n", b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x01"] {
            let ended = source(&mut &bytes[..]).await;
            assert!(matches!(ended, Err(Unproxied::Ended(_))), "{bytes:?}: {ended:?}");
        }
    }
}
