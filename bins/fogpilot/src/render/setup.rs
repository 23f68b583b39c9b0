//! What prepares the conductor itself. It concerns every router there, so a person enters it in a change window.

use super::Section;

/// Source: Session Smart Router documentation, "Secure Conductor Onboarding", and the configuration guide of 7.2.
pub(super) fn section() -> Section {
    let notes = [
        "fogpilot never writes these: they concern every router of the authority",
        "certificates are RSA only; load them by REST or the web interface, which validate them",
        "name and file must be equal (I95-65914), and a file holds one certificate, no chain (I95-65719), before 7.2.3",
        "replace `server` and `onboarding-ca` by your names of the conductor's certificate and of its authority",
        "on a pair the files must be on both nodes",
        "the first router with a mode closes 4505 and 4506 at the next restart of each node, for every legacy router",
        "restart both nodes in a change window, one after the other, then `fogpilot preflight`",
    ];
    let commands = [
        "configure authority client-certificate server file server",
        "configure authority trusted-ca-certificate onboarding-ca file onboarding-ca",
        "configure authority secure-conductor-onboarding public-certificate server",
        "configure authority secure-conductor-onboarding ca-certificate onboarding-ca",
        "configure authority asset-connection-resiliency ssh-only true",
        "compare config running candidate",
        "validate",
        "commit",
    ];
    Section {
        title: "Preparing the conductor".to_owned(),
        notes: notes.map(str::to_owned).into(),
        commands: commands.map(str::to_owned).into(),
    }
}
