//! The command line of a fake conductor, to be the login shell behind an SSH server.
//!
//! It talks to the conductor at the Unix socket that `FOGBELL_TESTKIT_PCLI` names, and knows nothing itself. As a login
//! shell does, it takes `-c COMMAND`; without that it reads lines from standard input.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;

use serde_json::{Value, json};

fn main() -> ExitCode {
    match run() {
        Ok(status) => ExitCode::from(u8::try_from(status).unwrap_or(1)),
        Err(error) => {
            eprintln!("fogbell-testkit-pcli: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> io::Result<i64> {
    let path = std::env::var_os("FOGBELL_TESTKIT_PCLI")
        .ok_or_else(|| io::Error::other("FOGBELL_TESTKIT_PCLI names no socket"))?;
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let command = match arguments.as_slice() {
        [option, command] if option == "-c" => Some(command.clone()),
        _ => None,
    };
    let stream = UnixStream::connect(path)?;
    let mut answers = BufReader::new(stream.try_clone()?);
    let mut questions = stream;
    let mut ask = |question: Value| -> io::Result<Option<i64>> {
        questions.write_all(format!("{question}\n").as_bytes())?;
        let mut line = String::new();
        answers.read_line(&mut line)?;
        let answer: Value = serde_json::from_str(&line)?;
        io::stderr().write_all(answer["err"].as_str().unwrap_or_default().as_bytes())?;
        let mut out = io::stdout().lock();
        out.write_all(answer["out"].as_str().unwrap_or_default().as_bytes())?;
        out.flush()?;
        Ok(answer["exit"].as_i64())
    };
    if let Some(status) = ask(json!({ "begin": command }))? {
        return Ok(status);
    }
    for line in io::stdin().lock().lines() {
        if let Some(status) = ask(json!({ "line": line? }))? {
            return Ok(status);
        }
    }
    Ok(ask(json!({ "end": true }))?.unwrap_or_default())
}
