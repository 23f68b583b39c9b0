//! The library of the CycloneDX project, in Python: it judges a bill of materials by the project's own schema.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::{clear, sslyze};
use crate::programs::must_succeed;
use crate::workspace::Workspace;

/// Judges a bill of materials in JSON, strictly: what the schema does not know is wrong.
///
/// # Errors
///
/// When the library cannot be had, or finds something; the error says what and where.
pub(crate) fn judge(workspace: &Workspace, bill: &Path) -> Result<()> {
    let home = workspace.target.join("peers");
    let (folder, python) = (home.join("cyclonedx"), sslyze::python(&home.join("bin")));
    let run = |arguments: &[&str]| {
        let mut command = Command::new(&python);
        must_succeed(command.env("PYTHONPATH", &folder).arg("-c").args(arguments)).map(|_| ())
    };
    let starts = "import cyclonedx.validation.json, jsonschema";
    if !folder.is_dir() || run(&[starts]).is_err() {
        println!("peers: putting {PACKAGE} under {}", home.display());
        clear(&folder)?;
        let mut pip = sslyze::pip(&home, &python)?;
        pip.args(["install", "--quiet", "--no-input", "--disable-pip-version-check", "--no-compile"]);
        pip.args(["--only-binary", ":all:", "--target"]).arg(&folder).arg(PACKAGE);
        must_succeed(&mut pip)
            .with_context(|| format!("the bill of materials is judged by {PACKAGE} of PyPI"))?;
    }
    let shown = bill.display().to_string();
    run(&[JUDGE, &shown]).with_context(|| format!("`{shown}` is no bill of materials"))?;
    // a judge that lets anything pass would show
    let spoilt = bill.with_extension("spoilt");
    let text = fs::read_to_string(bill).with_context(|| format!("cannot read `{shown}`"))?;
    fs::write(&spoilt, text.replacen("\"required\"", "\"needed\"", 1))
        .with_context(|| format!("cannot write `{}`", spoilt.display()))?;
    let passed = run(&[JUDGE, &spoilt.display().to_string()]).is_ok();
    fs::remove_file(&spoilt).with_context(|| format!("cannot remove `{}`", spoilt.display()))?;
    anyhow::ensure!(!passed, "{PACKAGE} lets a bill pass that is wrong");
    Ok(())
}

const JUDGE: &str = "
import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
error = JsonStrictValidator(SchemaVersion.V1_5).validate_str(open(sys.argv[1]).read())
sys.exit(str(error) if error else 0)
";

/// The package of PyPI.
const PACKAGE: &str = "cyclonedx-python-lib[json-validation]==11.12.0";
