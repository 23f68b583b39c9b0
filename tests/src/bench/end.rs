//! When a program of the bench ends: with whoever started it.

use std::io;
use std::thread;

use tokio::sync::oneshot;

/// Resolves when standard input ends.
pub(super) fn of_input() -> oneshot::Receiver<()> {
    let (sender, receiver) = oneshot::channel();
    thread::spawn(move || {
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        let _ = sender.send(());
    });
    receiver
}
