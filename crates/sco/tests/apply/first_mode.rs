//! The first mode on a conductor, which is in effect only once its nodes were restarted.

use fogbell_sco::plan::PlanOptions;
use fogbell_sco::run::{Applied, ApplyOptions, ApplyStop, Entry, Record, Stopped};
use testkit::conductor::ConductorSettings;
use testkit::estate::EstateSettings;

use super::crash::{settled, until};
use super::stage::Stage;

/// A conductor of two nodes on which nobody has Secure Conductor Onboarding, and a canary and two more.
async fn fresh() -> Stage {
    let conductor = ConductorSettings { pair: true, ..ConductorSettings::default() };
    let settings = EstateSettings { virtual_routers: 3, sites: 3, conductor, ..EstateSettings::default() };
    Stage::planned(settings, &PlanOptions::default()).await
}

fn restarted(stage: &Stage) -> ApplyOptions {
    ApplyOptions { restarted: Some("somebody says so".into()), ..stage.options() }
}

/// What a run says that waits for the restart, whenever it finds out.
fn due(applied: &Result<Applied, ApplyStop>) -> String {
    match applied {
        Ok(Applied { stopped: Some(Stopped::Restart(due)), .. }) | Err(ApplyStop::Restart(due)) => {
            due.to_string()
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_the_first_mode_a_run_waits_for_the_restart_of_every_node() {
    let stage = fresh().await;

    let first = stage.apply_with(&stage.options()).await;

    let said = due(&first);
    assert!(said.contains("its nodes node0 and node1 are restarted"), "{said}");
    let again = stage.apply_with(&stage.options()).await;
    assert_eq!(due(&again), said);
    assert_eq!((stage.estate.commits(), stage.estate.assignments()), (1, vec![]), "the canary's alone");
    assert!(stage.kept.0.lock().unwrap().is_empty(), "no token is made");
    let writes = stage.estate.writes();
    assert!(writes.iter().all(|write| write.contains("on the conductor")), "{writes:?}");

    stage.estate.conductor().restart().await.unwrap();
    let applied = stage.apply_with(&restarted(&stage)).await.unwrap();

    assert!(applied.is_complete(), "{applied:?}");
    stage.is_safe();
    stage.once("");
    let entries = Record::entries(stage.folder.path()).unwrap();
    let restarts = entries.iter().filter(|(_, entry)| matches!(entry, Entry::Restarted { .. })).count();
    assert_eq!(restarts, 1);
    assert!(stage.apply().await.is_complete(), "it is asked for once");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_mode_cut_off_after_any_entry_of_the_record_waits_for_the_restart_all_the_same() {
    let stage = fresh().await;
    due(&stage.apply_with(&stage.options()).await);
    let places = Record::entries(stage.folder.path()).unwrap().len();
    assert!(places >= 5, "{places}");
    drop(stage);

    for place in 0..places {
        let stage = fresh().await;
        let count = || Record::entries(stage.folder.path()).map_or(0, |entries| entries.len());
        until(stage.apply_with(&stage.options()), || count() > place).await;
        settled(&stage).await;

        due(&stage.apply_with(&stage.options()).await);

        assert_eq!((stage.estate.commits(), stage.estate.assignments()), (1, vec![]), "{place}");
        stage.is_safe();
    }
}
