use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use fogbell_mist::{Problem, Proxy, account};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::server::{Reply, Server};

/// A proxy that tunnels by CONNECT to one place, or refuses with `refusal`.
struct Tunnel {
    address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Tunnel {
    async fn start(refusal: Option<&'static str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let record = Arc::clone(&heads);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(tunnel(stream, refusal, Arc::clone(&record)));
            }
        });
        Self { address, heads, task }
    }

    fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn tunnel(mut client: TcpStream, refusal: Option<&'static str>, record: Arc<Mutex<Vec<String>>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = client.read_u8().await else { return };
        head.push(byte);
    }
    let head = String::from_utf8(head).unwrap();
    let to = head.split(' ').nth(1).unwrap().to_owned();
    record.lock().unwrap().push(head);
    if let Some(refusal) = refusal {
        let _ = client.write_all(refusal.as_bytes()).await;
        return;
    }
    let mut server = TcpStream::connect(to).await.unwrap();
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
    let _ = copy_bidirectional(&mut client, &mut server).await;
}

async fn server() -> Server {
    Server::start(|_, _| Reply::json(200, &json!({"name": "noc"}))).await
}

#[tokio::test]
async fn a_proxy_tunnels_and_sees_nothing_but_the_host() {
    let (server, tunnel) = (server().await, Tunnel::start(None).await);
    let url = format!("http://jane:FAKE-PASSWORD@{}", tunnel.address);
    let client = server.client_with(|settings| settings.proxy = Some(Proxy::new(&url, "").unwrap()));

    client.send(&account::whoami()).await.unwrap();

    let [head] = tunnel.heads().try_into().unwrap();
    assert!(
        head.starts_with(&format!("CONNECT localhost:{} HTTP/1.1\r\n", server.address().port())),
        "{head}"
    );
    assert!(head.to_lowercase().contains("proxy-authorization: basic "), "{head}");
    assert!(!head.contains("FAKE-TOKEN"), "{head}");
    assert_eq!(server.asked()[0].header("authorization"), Some("Token FAKE-TOKEN"));
    assert_eq!(server.asked()[0].header("proxy-authorization"), None);
}

#[tokio::test]
async fn an_exception_is_reached_without_the_proxy() {
    let (server, tunnel) = (server().await, Tunnel::start(None).await);
    let url = format!("http://{}", tunnel.address);
    let client = server.client_with(|settings| settings.proxy = Some(Proxy::new(&url, "localhost").unwrap()));

    client.send(&account::whoami()).await.unwrap();

    assert_eq!((tunnel.heads().len(), server.asked().len()), (0, 1));
}

#[tokio::test]
async fn a_proxy_that_refuses_is_a_problem_without_the_password() {
    for refusal in [
        "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 503 Service Unavailable\r\n\r\n",
        "SSH-2.0-OpenSSH\r\n",
        "",
    ] {
        let (server, tunnel) = (server().await, Tunnel::start(Some(refusal)).await);
        let url = format!("http://jane:FAKE-PASSWORD@{}", tunnel.address);
        let client = server.client_with(|settings| settings.proxy = Some(Proxy::new(&url, "").unwrap()));

        let problem = client.send(&account::whoami()).await.unwrap_err();

        assert!(matches!(problem, Problem::Transport { .. }), "{problem:?}");
        assert!(!format!("{problem:?} {client:?}").contains("FAKE"), "{problem:?}");
        assert_eq!(server.asked().len(), 0, "nothing goes past the proxy");
        assert!(!tunnel.heads().is_empty());
    }
}
