//! The command line at a Unix socket: one JSON object on each line, a question and its answer.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};

use super::pcli::{Printed, Session};
use super::server::Shared;

pub(super) fn serve(shared: &Arc<Shared>, path: &Path) -> std::io::Result<()> {
    let listener = UnixListener::bind(path)?;
    let weak = Arc::downgrade(shared);
    let _ = shared.tasks.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Some(shared) = weak.upgrade() else { return };
            let talking = talk(Arc::clone(&shared), stream);
            let _ = shared.tasks.spawn(async move {
                let _ = talking.await; // whoever went away knows it
            });
        }
    });
    Ok(())
}

/// `{"begin": COMMAND or null}`, then `{"line": TEXT}` and `{"end": true}`.
async fn talk(shared: Arc<Shared>, stream: UnixStream) -> std::io::Result<()> {
    let (reading, mut writing) = stream.into_split();
    let mut lines = BufReader::new(reading).lines();
    let mut session = Session::default();
    while let Some(line) = lines.next_line().await? {
        let asked: Value = serde_json::from_str(&line)?;
        let printed = {
            let (mut world, settings) = (shared.world(), &shared.settings);
            match (asked.get("begin"), asked["line"].as_str()) {
                (Some(begin), _) => session.begin(&mut world, settings, begin.as_str()),
                (None, Some(line)) => session.line(&mut world, settings, line),
                _ => session.end(&world),
            }
        };
        let Printed { out, err, exit } = printed;
        let answer = json!({ "out": out, "err": err, "exit": exit });
        writing.write_all(format!("{answer}\n").as_bytes()).await?;
        if exit.is_some() {
            break;
        }
    }
    Ok(())
}
