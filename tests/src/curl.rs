//! HTTP by curl.

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

/// One call of curl, to be [`run`](Self::run).
#[derive(Debug)]
pub struct Curl {
    url: String,
    arguments: Vec<String>,
    body: Option<Vec<u8>>,
}

/// What came back, also when it is nothing.
#[derive(Clone, Debug)]
pub struct Response {
    /// The final status, 0 when there was no answer.
    pub status: u16,
    /// Header fields of the final answer in their order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// curl's own exit code: 0 when the exchange was complete.
    pub exit: i32,
    /// What curl said on standard error.
    pub said: String,
}

impl Curl {
    /// A GET of `url`, HTTP/1.1, given up after 30 seconds.
    #[must_use]
    pub fn new(url: &str) -> Self {
        Self { url: url.to_owned(), arguments: Vec::new(), body: None }
    }

    /// Trusts this CA and no other.
    #[must_use]
    pub fn ca(self, file: &Path) -> Self {
        let file = file.display().to_string();
        self.argument("--cacert").argument(&file)
    }

    /// Accepts any certificate.
    #[must_use]
    pub fn danger_insecure(self) -> Self {
        self.argument("--insecure")
    }

    /// Sends this header field.
    #[must_use]
    pub fn header(self, name: &str, value: &str) -> Self {
        // curl leaves out a field that is `name:`, and sends an empty one for `name;`.
        let field = if value.is_empty() { format!("{name};") } else { format!("{name}: {value}") };
        self.argument("--header").argument(&field)
    }

    /// Posts exactly these bytes, as JSON.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// Uses this method.
    #[must_use]
    pub fn method(self, method: &str) -> Self {
        self.argument("--request").argument(method)
    }

    /// Adds any argument of curl's.
    #[must_use]
    pub fn argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    /// Runs it to its end.
    ///
    /// # Panics
    ///
    /// When curl cannot be started.
    #[must_use]
    pub fn run(&self) -> Response {
        let folder = TempDir::new().expect("a temporary folder can be made");
        let file = |name: &str| folder.path().join(name);
        let mut command = Command::new("curl");
        command.args([
            "--disable",
            "--silent",
            "--show-error",
            "--http1.1",
            "--max-time",
            "30",
            "--noproxy",
            "*",
        ]);
        command.arg("--dump-header").arg(file("headers")).arg("--output").arg(file("body"));
        command.args(["--write-out", "%{http_code}"]);
        if let Some(body) = &self.body {
            fs::write(file("request"), body).expect("a temporary file can be written");
            command.arg("--data-binary").arg(format!("@{}", file("request").display()));
            command.args(["--header", "Content-Type: application/json"]);
        }
        let output = command.args(&self.arguments).arg(&self.url).output().expect("curl is on PATH");
        // A file that curl did not make is an answer that did not come.
        let headers = fs::read(file("headers")).unwrap_or_default();
        Response {
            status: String::from_utf8_lossy(&output.stdout).trim().parse().unwrap_or(0),
            headers: last_headers(&String::from_utf8_lossy(&headers)),
            body: fs::read(file("body")).unwrap_or_default(),
            exit: output.status.code().unwrap_or(-1),
            said: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Response {
    /// The value of a header field, by its name in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    /// The body as text, what is no UTF-8 replaced.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// The fields of the last head: a `100 Continue` may stand before it.
fn last_headers(text: &str) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    for line in text.lines() {
        if line.starts_with("HTTP/") {
            fields.clear();
        } else if let Some((name, value)) = line.split_once(':') {
            fields.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_of_an_interim_answer_are_not_those_of_the_final_one() {
        let text =
            "HTTP/1.1 100 Continue\r\nX-A: 1\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-B: a:b\r\n\r\n";

        let expect = [("content-length", "0"), ("x-b", "a:b")].map(|(n, v)| (n.to_owned(), v.to_owned()));
        assert_eq!(last_headers(text), expect);
    }
}
