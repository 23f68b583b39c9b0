//! An RPM package of the same folder, by `rpmbuild`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::{Release, glibc};
use crate::peers::rpm_tools;
use crate::programs::must_succeed;
use crate::workspace::Workspace;

/// Packs `tree` into `out`; the file.
///
/// # Errors
///
/// When `rpmbuild` can neither be found nor unpacked beside the system.
pub(super) fn pack(
    workspace: &Workspace,
    release: &Release,
    tree: &Path,
    work: &Path,
    out: &Path,
) -> Result<PathBuf> {
    let tools = rpm_tools(workspace).context("or leave the package out with --without-rpm")?;
    let top = work.join("rpm");
    super::fresh(&top)?;
    let spec = top.join("fogbell.spec");
    // folders and files alike, so that nothing is in the package that is not in the folder
    fs::write(&spec, text(release, tree)?).with_context(|| format!("cannot write `{}`", spec.display()))?;
    let mut build = Command::new(tools.join("rpmbuild"));
    build
        .args(["-bb", "--quiet", "--target", ARCHITECTURE])
        .arg("--define")
        .arg(format!("_topdir {}", top.display()));
    let payload = if release.hasty { "_binary_payload w1.gzdio" } else { "_binary_payload w6.xzdio" };
    for define in DEFINES.into_iter().chain([payload]) {
        build.args(["--define", define]);
    }
    must_succeed(build.arg(&spec).env("SOURCE_DATE_EPOCH", &release.epoch))?;
    let name = format!("fogbell-{}-1.{ARCHITECTURE}.rpm", release.version);
    let (made, file) = (top.join("RPMS").join(ARCHITECTURE).join(&name), out.join(&name));
    fs::copy(&made, &file).with_context(|| format!("cannot copy `{}`", made.display()))?;
    Ok(file)
}

fn text(release: &Release, tree: &Path) -> Result<String> {
    let mut files = String::new();
    // a folder that no package owns stays behind; one that several own goes with the last of them
    for own in [OWN].into_iter().chain(SHARED) {
        for folder in super::tree::folders(&tree.join(own))? {
            let name = folder.strip_prefix(tree).context("a folder outside its folder")?;
            files += &format!("%dir /{}\n", name.display());
        }
    }
    for file in super::tree::files(tree)? {
        let name = file.strip_prefix(tree).context("a file outside its folder")?;
        let kind = if name.starts_with(OWN) { "%doc " } else { "" };
        files += &format!("{kind}/{}\n", name.display());
    }
    Ok(SPEC
        .replace("@VERSION@", &release.version)
        .replace("@GLIBC@", &glibc::needed(tree)?)
        .replace("@TREE@", &tree.display().to_string())
        .replace("@FILES@", &files))
}

const ARCHITECTURE: &str = "x86_64";

/// The one folder that is this package's alone.
const OWN: &str = "usr/share/doc/fogbell";

/// Folders for those who are not there everywhere.
const SHARED: [&str; 4] = ["usr/share/bash-completion", "usr/share/fish", "usr/share/snmp", "usr/share/zsh"];

/// What would tell of the machine, or be looked for in the programs.
const DEFINES: [&str; 7] = [
    "_buildhost fogbell",
    "use_source_date_epoch_as_buildtime 1",
    "clamp_mtime_to_source_date_epoch 1",
    "_build_id_links none",
    "__os_install_post %{nil}",
    "_source_filedigest_algorithm 8",
    "_binary_filedigest_algorithm 8",
];

/// As `dist/debian` does, in the words of RPM, which knows no purge: what the relay keeps stays when the package goes.
const SPEC: &str = r#"Name: fogbell
Version: @VERSION@
Release: 1
Summary: Alert relay for Juniper Mist
License: MIT OR Apache-2.0
AutoReqProv: no
Requires: libc.so.6(GLIBC_@GLIBC@)(64bit)
Requires: libgcc_s.so.1()(64bit)
Requires: systemd
Requires(post): systemd

%description
fogbell receives webhooks of Juniper Mist over HTTPS, admits only what Mist signed from Mist's addresses, stores it before it
answers, and delivers it as SNMP notifications and syslog. fogpilot takes Session Smart Routers from Mist onto a conductor.

No configuration is installed, and nothing is started until there is one. An independent project, not affiliated with Juniper.

%install
mkdir -p %{buildroot}
cp -a @TREE@/usr %{buildroot}/

%post
systemd-sysusers fogbell.conf
systemd-tmpfiles --create fogbell.conf
if [ -d /run/systemd/system ]; then
    systemctl daemon-reload
    [ "$1" -eq 1 ] || systemctl try-restart fogbell.service
fi
if [ ! -e /etc/fogbell/fogbell.toml ]; then
    echo "fogbell is not started: there is no configuration yet. /usr/share/doc/fogbell/README.md says how to go on."
fi

%preun
if [ "$1" -eq 0 ] && [ -d /run/systemd/system ]; then
    systemctl disable --now fogbell.service fogbell.socket
fi

%postun
if [ -d /run/systemd/system ]; then
    systemctl daemon-reload
fi
if [ "$1" -eq 0 ]; then
    for kept in /etc/fogbell /var/lib/fogbell /etc/systemd/system/fogbell.service.d /etc/systemd/system/fogbell.socket.d \
        /etc/credstore/fogbell-* /etc/credstore.encrypted/fogbell-*; do
        [ ! -e "$kept" ] || echo "fogbell: left as it is: $kept"
    done
fi

%files
%defattr(-,root,root,-)
@FILES@"#;
