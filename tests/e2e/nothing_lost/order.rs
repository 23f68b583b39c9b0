//! No 200 before the disk, by the order of system calls.

use std::collections::HashMap;
use std::fs;
use std::process::Command;

use e2e::{Config, DEADLINE, Fogbell, Running, wait_until};
use serde_json::json;
use testkit::mist::FakeMist;

use super::load::Target;
use super::{admin, rounds, tell};

/// A system call that matters here.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Call {
    /// Bytes came from a client: it ended.
    Read,
    /// The journal's log is on the disk: it ended.
    Synced,
    /// Bytes go to a client: it began.
    Written,
}

#[test]
fn the_answer_leaves_only_after_the_journal_was_synced() {
    let answers = rounds(5, 200);
    let mut relay = Fogbell::start(&Config::new());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let mut post = Target::of(&relay).post();
    let mist = FakeMist::new(1);
    let mut answer = |number: u64| {
        let delivery = mist.alarm_of_size(700, number);
        runtime.block_on(post.deliver(&delivery)).unwrap().status.as_u16()
    };
    // The handshake is over before system calls are looked at: from then on what is read is a request, and what
    // is written an answer.
    assert_eq!(answer(0), 200);
    let quiet = || admin::metric(&relay, "fogbell_inbox_behind_entries", "") == Some(0);
    assert!(wait_until(DEADLINE, quiet), "the first message is not interpreted");
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("trace");
    let pid = relay.process().pid().to_string();
    let mut command = Command::new("strace");
    command.args(["-f", "-yy", "-s", "0", "-e", CALLS, "-p", &pid, "-o"]).arg(&trace);
    let mut strace = Running::start("strace", &mut command);
    let _attached = strace.wait_line("that it is attached", |line| line.contains("attached"));
    let read = || calls(&fs::read_to_string(&trace).unwrap_or_default(), relay.address());

    for number in 1..=answers {
        assert_eq!(answer(number as u64), 200);
        // The message and what came of it are two commits; the next message waits for both, so that neither is
        // taken for its own.
        let syncs = || read().iter().filter(|call| **call == Call::Synced).count();
        assert!(wait_until(DEADLINE, || syncs() >= 2 * number), "{:?}", read());
    }
    strace.sigterm();
    let _detached = strace.wait_exit(DEADLINE);

    let calls = read();
    let judged = judge(&calls);
    tell(&json!({ "answers": judged.unwrap_or_default(), "before_sync": usize::from(judged.is_err()) }));
    assert_eq!(judged, Ok(answers), "{calls:?}");
}

/// How many answers left, each after a sync that ended behind the last byte of its request; the place of the
/// first one that did not.
fn judge(calls: &[Call]) -> Result<usize, usize> {
    let (mut asked, mut synced, mut answers) = (false, false, 0);
    for (place, call) in calls.iter().enumerate() {
        match call {
            Call::Read => (asked, synced) = (true, false),
            Call::Synced => synced = true,
            Call::Written if !asked => {}
            Call::Written if synced => {
                asked = false;
                answers += 1;
            }
            Call::Written => return Err(place),
        }
    }
    Ok(answers)
}

/// Reads what `strace -f -yy` wrote about the journal and the connections to `address`.
fn calls(trace: &str, address: &str) -> Vec<Call> {
    let mut begun: HashMap<&str, &str> = HashMap::new();
    let mut calls = Vec::new();
    let client = format!("<TCP:[{address}->");
    for line in trace.lines() {
        let Some((thread, rest)) = line.split_once(' ') else { continue };
        let rest = rest.trim_start();
        let call = if rest.starts_with("<... ") { begun.remove(thread).unwrap_or_default() } else { rest };
        let name = call.split('(').next().unwrap_or_default();
        let writes = ["write", "writev", "sendto", "sendmsg"].contains(&name) && call.contains(&client);
        if writes && !rest.starts_with("<... ") {
            calls.push(Call::Written);
        }
        if let Some((call, _)) = rest.split_once(" <unfinished ...>") {
            begun.insert(thread, call);
            continue;
        }
        let Some((_, result)) = rest.rsplit_once(" = ") else { continue };
        let result: i64 = result.split(' ').next().and_then(|result| result.parse().ok()).unwrap_or(-1);
        match name {
            "fsync" | "fdatasync" if call.contains("journal.db-wal>") && result == 0 => {
                calls.push(Call::Synced)
            }
            "read" | "readv" | "recvfrom" | "recvmsg" if call.contains(&client) && result > 0 => {
                calls.push(Call::Read);
            }
            _ => {}
        }
    }
    calls
}

const CALLS: &str = "trace=fsync,fdatasync,read,readv,recvfrom,recvmsg,write,writev,sendto,sendmsg";

#[test]
fn an_answer_before_its_sync_would_be_found() {
    let read = "7 recvfrom(12<TCP:[127.0.0.1:1->127.0.0.1:2]>, \"\"..., 8192, 0, NULL, NULL) = 1100\n";
    let write = "7 writev(12<TCP:[127.0.0.1:1->127.0.0.1:2]>, [{iov_base=\"\"..., iov_len=99}], 1) = 99\n";
    let sync = "8 fdatasync(5</state/journal.db-wal>) = 0\n";
    let (begun, ended) =
        ("8 fdatasync(5</state/journal.db-wal> <unfinished ...>\n", "8 <... fdatasync resumed>) = 0\n");
    let failed = "8 fdatasync(5</state/journal.db-wal>) = -1 EIO (Input/output error)\n";
    let other = "8 fdatasync(5</state/journal.db>) = 0\n";
    let check = |trace: &[&str], fine: bool| {
        let judged = judge(&calls(&trace.concat(), "127.0.0.1:1"));
        assert_eq!(judged == Ok(1), fine, "{trace:?}: {judged:?}");
    };
    check(&[read, sync, write], true);
    check(&[read, begun, ended, write], true);
    check(&[read, write, sync], false);
    check(&[sync, read, write], false);
    check(&[read, begun, write, ended], false);
    check(&[read, failed, write], false);
    check(&[read, other, write], false);
    check(&[write, sync], false);
}
