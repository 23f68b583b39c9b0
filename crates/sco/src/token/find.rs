//! Tokens in any text: a terminal's output, a mail, a file.

use zeroize::Zeroizing;

use super::{OnboardingToken, TokenError};

/// The longest text that is looked through; what is behind it is not.
pub const MAX_TEXT_BYTES: usize = 64 * 1024 * 1024;

/// What was found in a text.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Found {
    /// The tokens, in their order.
    pub tokens: Vec<FoundToken>,
    /// What begins like a token and is none.
    pub rejected: Vec<Rejected>,
    /// Whether the text was longer, or had more of what looks like tokens, than is read.
    pub truncated: bool,
}

/// A token in a text.
#[derive(Debug)]
#[non_exhaustive]
pub struct FoundToken {
    /// The token.
    pub token: OnboardingToken,
    /// The line in which it begins, the first one 1.
    pub line: usize,
}

/// What begins like a token and is none.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Rejected {
    /// The line in which it begins, the first one 1.
    pub line: usize,
    /// What is wrong.
    pub error: TokenError,
}

/// Looks for tokens by their shape, wherever they stand; lines that were wrapped are joined.
///
/// A token begins with the base64url of `{"` and has two dots. Where a line ends in the middle of one, the next line goes
/// on with it, spaces, `>` and `|` at its edges left out. Where the token ends is told by the length of its signature,
/// which its algorithm and the certificate inside give; of an algorithm that is not known by the first shorter line. The
/// first three characters must be in one line.
#[must_use]
pub fn find_tokens(text: &str) -> Found {
    let mut found = Found::default();
    let mut end = text.len().min(MAX_TEXT_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    found.truncated = end < text.len();
    let lines: Vec<&str> = text.get(..end).unwrap_or_default().lines().collect();
    let mut here = Place { line: 0, column: 0 };
    let mut candidates = 0;
    while let Some(start) = next_start(&lines, here) {
        candidates += 1;
        if candidates > MAX_CANDIDATES {
            found.truncated = true;
            break;
        }
        let line = start.line + 1;
        here = Place { line: start.line, column: start.column + run(lines[start.line], start.column).len() };
        match Candidate::gather(&lines, start).read() {
            Some(Ok((token, end))) => {
                found.tokens.push(FoundToken { token, line });
                here = end;
            }
            Some(Err(error)) => found.rejected.push(Rejected { line, error }),
            None => {}
        }
    }
    found
}

/// A place in the text: a line and a byte in it.
#[derive(Clone, Copy, Debug)]
struct Place {
    line: usize,
    column: usize,
}

/// What may be one token: from its first character as far as lines go on.
#[derive(Debug)]
struct Candidate {
    text: Zeroizing<String>,
    /// Where each line's part of it ends: in `text`, and in the text that was looked through.
    ends: Vec<(usize, Place)>,
}

impl Candidate {
    fn gather(lines: &[&str], start: Place) -> Self {
        let mut candidate = Self { text: Zeroizing::new(String::new()), ends: Vec::new() };
        let mut place = start;
        let mut dots = 0;
        loop {
            let part = run(lines[place.line], place.column);
            // a third dot ends a sentence
            let part_end =
                part.match_indices('.').nth(2_usize.saturating_sub(dots)).map_or(part.len(), |(at, _)| at);
            dots += part[..part_end].bytes().filter(|byte| *byte == b'.').count();
            let end = place.column + part_end;
            candidate.text.push_str(&part[..part_end]);
            candidate.ends.push((candidate.text.len(), Place { line: place.line, column: end }));
            let whole = part_end == part.len() && lines[place.line][end..].chars().all(is_edge);
            let header_is_long =
                candidate.text.len() > MAX_HEADER && !candidate.text[..MAX_HEADER].contains('.');
            if !whole || header_is_long || candidate.text.len() > OnboardingToken::MAX_BYTES {
                return candidate;
            }
            let Some(next) = lines.get(place.line + 1) else { return candidate };
            let column = next.len() - next.trim_start_matches(is_edge).len();
            if run(next, column).is_empty() {
                return candidate;
            }
            place = Place { line: place.line + 1, column };
        }
    }

    /// The token and where it ends; `None` when it is nothing like a token.
    fn read(&self) -> Option<Result<(OnboardingToken, Place), TokenError>> {
        let mut dots = self.text.match_indices('.').map(|(at, _)| at);
        let first = dots.next().filter(|at| *at <= MAX_HEADER)?;
        let header = super::decode(&self.text[..first], "header").ok()?;
        super::Header::read(&header).ok()?;
        let Some(second) = dots.next() else {
            return Some(Err(TokenError::Shape { parts: 2 }));
        };
        Some(self.finish(second + 1))
    }

    fn finish(&self, signature: usize) -> Result<(OnboardingToken, Place), TokenError> {
        let unsigned = OnboardingToken::parse(&self.text[..signature])?;
        let expected = unsigned.signature_chars();
        let available = self.text.len() - signature;
        let end = if expected.is_empty() {
            self.shorter_line(signature)
        } else {
            let at_end_of_line =
                |chars: &&usize| self.ends.iter().any(|(end, _)| *end == signature + **chars);
            let Some(chars) = expected.iter().find(at_end_of_line) else {
                let shortest = expected.iter().min().copied().unwrap_or_default();
                return Err(TokenError::Signature { chars: available, expected: shortest });
            };
            signature + chars
        };
        let place = self.ends.iter().find(|(at, _)| *at == end).map(|(_, place)| *place);
        let place = place.ok_or(TokenError::Shape { parts: 3 })?;
        Ok((OnboardingToken::parse(&self.text[..end])?, place))
    }

    /// The end of the first line, from that of the signature on, that is shorter than the one before it.
    fn shorter_line(&self, signature: usize) -> usize {
        let pairs = self.ends.iter().zip(self.ends.iter().skip(1));
        let mut shorter =
            pairs.filter(|((_, before), (at, here))| *at >= signature && here.column < before.column);
        shorter.next().map_or(self.text.len(), |(_, (at, _))| *at)
    }
}

impl OnboardingToken {
    /// How many characters its signature may have; empty when that is not known.
    fn signature_chars(&self) -> Vec<usize> {
        let bytes = match self.algorithm() {
            "RS256" | "RS384" | "RS512" | "PS256" | "PS384" | "PS512" => {
                let bits = self.conductor_certificate().and_then(|leaf| leaf.facts().rsa_bits);
                bits.map_or_else(|| vec![256, 384, 512], |bits| vec![bits.div_ceil(8)])
            }
            "HS256" => vec![32],
            "HS384" => vec![48],
            "HS512" | "ES256" | "EdDSA" => vec![64],
            "ES384" => vec![96],
            "ES512" => vec![132],
            "none" => vec![0],
            _ => Vec::new(),
        };
        bytes.into_iter().map(|bytes: usize| (bytes * 4).div_ceil(3)).collect()
    }
}

/// The next place from `here` on where a token may begin.
fn next_start(lines: &[&str], here: Place) -> Option<Place> {
    for (line, text) in lines.iter().enumerate().skip(here.line) {
        let from = if line == here.line { here.column } else { 0 };
        let starts = text.get(from..)?.match_indices(START).map(|(at, _)| from + at);
        let first = |at: &usize| *at == 0 || !is_token(text.as_bytes()[at - 1]);
        if let Some(column) = starts.into_iter().find(first) {
            return Some(Place { line, column });
        }
    }
    None
}

/// The characters of a token that stand at `column` of `line`.
fn run(line: &str, column: usize) -> &str {
    let rest = line.get(column..).unwrap_or_default();
    let end = rest.bytes().position(|byte| !is_token(byte)).unwrap_or(rest.len());
    &rest[..end]
}

const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

/// What may stand before and behind a wrapped line.
fn is_edge(c: char) -> bool {
    c.is_whitespace() || matches!(c, '>' | '|' | '\\')
}

/// The base64url of `{"`, and three bits of what follows, which is a letter.
const START: &str = "eyJ";
const MAX_HEADER: usize = 1024;
/// More tokens than a conductor has routers.
const MAX_CANDIDATES: usize = 100_000;
