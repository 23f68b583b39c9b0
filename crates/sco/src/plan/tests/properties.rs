use proptest::prelude::*;

use super::*;

/// What may be the matter with one router; each field picks one of a few states.
#[derive(Clone, Debug)]
struct Matter {
    key: usize,
    running_key: usize,
    mode: usize,
    status: usize,
    site: usize,
    replace: bool,
    reassign: bool,
}

fn matter() -> impl Strategy<Value = Matter> {
    (0..6_usize, 0..7_usize, 0..4_usize, 0..5_usize, 0..3_usize, any::<bool>(), any::<bool>()).prop_map(
        |(key, running_key, mode, status, site, replace, reassign)| Matter {
            key,
            running_key,
            mode,
            status,
            site,
            replace,
            reassign,
        },
    )
}

fn world_of(matters: &[Matter], pool: &[EndorsementKey]) -> World {
    let mut world = World::new(matters.len());
    for (number, matter) in matters.iter().enumerate() {
        match pool.get(matter.key) {
            Some(key) => world.export(number, &key.to_base64()),
            None => world.export(number, "no key"),
        }
        if let Some(key) = pool.get(matter.running_key) {
            world.set_key(number, key);
        } else if matter.running_key == 6 {
            world.running[number]["node"][0]["secure-conductor-onboarding"] = json!({"endorsement-key": "?"});
        }
        if let Some(mode) = ["disabled", "weak", "strong"].get(matter.mode) {
            world.set_mode(number, mode);
        }
        if let Some(status) = ["running", "synchronizing", "disconnected", "?"].get(matter.status) {
            world.asset(number, status);
        }
        let at = [None, Some(site(number)), Some(site(99))][matter.site];
        world.device(number, |device| device.site = at);
        let router: RouterName = name(&format!("store-{number}"));
        if matter.replace {
            world.options.replace_identity.insert(router.clone());
        }
        if matter.reassign {
            world.options.reassign.insert(router);
        }
    }
    world
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn no_plan_writes_over_another_identity_cuts_off_or_gives_one_key_to_two(
        matters in prop::collection::vec(matter(), 1..5),
    ) {
        let pool = keys(5);
        let mut world = world_of(&matters, &pool);

        let plan = world.plan();

        let running = crate::config::Routers::of(&world.observed.conductor.running);
        let mut given: BTreeMap<EndorsementKey, RouterName> = BTreeMap::new();
        for (router, config) in running.iter() {
            for node in config.nodes.values() {
                if let crate::config::Identity::Key(key) = &node.identity {
                    // replaced ones no longer count
                    if !plan.changes().any(|change| matches!(change, Change::EndorsementKey { router: of, .. } if of == router)) {
                        given.insert(key.clone(), router.clone());
                    }
                }
            }
        }
        for change in plan.changes() {
            let number: usize = change.router().as_str()["store-".len()..].parse().unwrap();
            let matter = &matters[number];
            let live = !matches!(matter.status, 2 | 4);
            match change {
                Change::EndorsementKey { router, key, .. } => {
                    let found = running.router(router).unwrap().nodes.values().next().unwrap().identity.fingerprint();
                    prop_assert!(found.is_none() || matter.replace && !live);
                    prop_assert_ne!(found, Some(key.fingerprint()));
                    if let Some(other) = given.insert(key.clone(), router.clone()) {
                        prop_assert_eq!(&other, router, "one key for two");
                    }
                }
                Change::Mode { mode, .. } => {
                    prop_assert_eq!(*mode, Mode::Strong);
                    prop_assert!(!live, "the mode of a live router");
                }
                other => prop_assert!(false, "{other:?}"),
            }
        }
        for (router, steps) in plan.steps() {
            let number: usize = router.name.as_str()["store-".len()..].parse().unwrap();
            prop_assert!(steps.assign.is_empty() || matches!(matters[number].status, 2 | 4), "a live router assigned");
            for mac in &steps.assign {
                let found = world.observed.inventory.device(*mac).unwrap().site;
                prop_assert!(found.is_none() || steps.unassign.contains(mac) && found == Some(steps.site));
            }
        }
        prop_assert_eq!(Plan::from_json(&plan.to_json()), Ok(plan));
    }

    #[test]
    fn what_a_plan_did_needs_no_plan(matters in prop::collection::vec(matter(), 1..5)) {
        let pool = keys(5);
        let mut world = world_of(&matters, &pool);
        let plan = world.plan();
        let done: Vec<usize> = plan
            .steps()
            .map(|(router, _)| router.name.as_str()["store-".len()..].parse().unwrap())
            .collect();
        for number in &done {
            world.set_mode(*number, "strong");
            let key = world.key(*number);
            world.set_key(*number, &key);
            world.asset(*number, "running");
            world.device(*number, |device| device.site = Some(site(*number)));
        }

        let again = world.plan();

        for number in done {
            prop_assert_eq!(&again.routers()[number].outcome, &RouterOutcome::Done);
        }
    }
}
