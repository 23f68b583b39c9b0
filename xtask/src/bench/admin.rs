//! What a running relay says of itself.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// The relay's metrics, asked of its admin listener at `address`.
///
/// # Errors
///
/// When it does not answer 200.
pub(crate) fn metrics(address: &str) -> Result<String> {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    let answer = ask().with_context(|| format!("the relay does not answer on {address}"))?;
    if !answer.starts_with("HTTP/1.1 200 ") {
        bail!("the relay does not tell its metrics: {}", answer.lines().next().unwrap_or_default());
    }
    Ok(answer)
}

/// The value of the metric that is written `name`, labels and all; 0 when it is not there yet.
pub(crate) fn value(metrics: &str, name: &str) -> f64 {
    let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.and_then(|value| value.trim().parse().ok()).unwrap_or(0.0)
}

const PATIENCE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_is_found_by_its_whole_name() {
        let text = "# TYPE a counter\na_total 7\na_total_more 8\nb_total{sink=\"noc\"} 9\n# EOF\n";
        for (name, expect) in [("a_total", 7.0), ("b_total{sink=\"noc\"}", 9.0), ("c", 0.0)] {
            assert!((value(text, name) - expect).abs() < f64::EPSILON, "{name}");
        }
    }
}
