//! The port that systemd binds, when the configuration is the one that the unit runs by.

use std::error::Error;
use std::path::Path;

use relay::Config;
use zeroize::Zeroizing;

use super::write::Change;
use crate::bound::{DROP_IN, OF_THE_UNIT, stream};

/// The drop-in of the socket's unit; nothing where there is no unit, or it has this port already.
pub(super) fn changes(path: &Path, config: &Config) -> Result<Vec<Change>, Box<dyn Error>> {
    let there = UNITS.iter().any(|folder| Path::new(folder).join("fogbell.socket").exists());
    let (stream, drop_in) = (stream(config.listen.address), Path::new(DROP_IN));
    if path != Path::new(super::CONFIG) || !there || (stream == OF_THE_UNIT && !drop_in.exists()) {
        return Ok(Vec::new());
    }
    let text = format!(
        "# Written by `fogbell init`: `address` of [listen].\n[Socket]\nListenStream=\nListenStream={stream}\n"
    );
    let folder = drop_in.parent().unwrap_or_else(|| Path::new("/"));
    Ok(vec![
        Change::new(folder, None, 0o755, None)?,
        Change::new(drop_in, Some(Zeroizing::new(text.into_bytes())), 0o644, None)?,
    ])
}

/// Where units are; see systemd.unit(5).
const UNITS: [&str; 3] = ["/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"];
