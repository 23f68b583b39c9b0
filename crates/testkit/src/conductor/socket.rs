//! The command line at a Unix socket: one JSON object on each line, a question and its answer.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::time::{sleep, timeout};

use super::disturbance::Disturbance;
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
        let line = asked.get("begin").unwrap_or_else(|| &asked["line"]).as_str();
        let disturbance = line.and_then(|line| disturbance(&shared, &session, line));
        if let Some(Disturbance::Latency(latency)) = disturbance {
            sleep(latency).await;
        }
        let printed = printed(&shared, &mut session, &asked, disturbance);
        if printed.silent {
            // until the other side goes away
            let _ = timeout(SILENCE, async { while let Ok(Some(_)) = lines.next_line().await {} }).await;
            break;
        }
        let Printed { out, err, exit, .. } = printed;
        let answer = json!({ "out": out, "err": err, "exit": exit });
        writing.write_all(format!("{answer}\n").as_bytes()).await?;
        if exit.is_some() {
            break;
        }
    }
    Ok(())
}

/// What was ordered for the command that this line runs.
fn disturbance(shared: &Shared, session: &Session, line: &str) -> Option<Disturbance> {
    let runs = session.runs(&shared.world(), line);
    let command = session.command(line);
    runs.then(|| shared.disturbances().take(None, command)).flatten()
}

fn printed(
    shared: &Shared,
    session: &mut Session,
    asked: &Value,
    disturbance: Option<Disturbance>,
) -> Printed {
    let (mut world, settings) = (shared.world(), &shared.settings);
    match &disturbance {
        Some(Disturbance::Silence) => return Printed { silent: true, ..Printed::default() },
        Some(Disturbance::Refused(text)) => session.refuse_next(text),
        Some(Disturbance::Status(status)) => session.end_with(*status),
        _ => {}
    }
    let mut printed = match (asked.get("begin"), asked["line"].as_str()) {
        (Some(begin), _) => session.begin(&mut world, settings, begin.as_str()),
        (None, Some(line)) => session.line(&mut world, settings, line),
        _ => session.end(&world),
    };
    match disturbance {
        Some(Disturbance::DoneButSilence) => printed.silent = true,
        Some(Disturbance::CutOff) => {
            let half = printed.out.chars().count() / 2;
            printed.out = printed.out.chars().take(half).collect();
            printed.exit = Some(255);
        }
        Some(Disturbance::Status(status)) => printed.exit = Some(status),
        Some(Disturbance::Noise(noise)) => printed.out = format!("{noise}\n{}", printed.out),
        _ => {}
    }
    printed
}

const SILENCE: Duration = Duration::from_secs(600);
