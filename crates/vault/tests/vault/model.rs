//! Any secrets, put in in any order, come out as they went in.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_map_of_secrets_round_trips(
        steps in proptest::collection::vec(
            ("[a-zA-Z0-9][a-zA-Z0-9._/-]{0,3}", 0..6_usize, proptest::option::of(proptest::collection::vec(any::<u8>(), 1..300))),
            0..40,
        ),
        saves in proptest::collection::vec(any::<bool>(), 40),
    ) {
        let place = Place::with(&[]);
        let mut model: BTreeMap<String, (usize, Vec<u8>)> = BTreeMap::new();
        let mut edit = place.edit();
        for ((name, kind, value), save) in steps.into_iter().zip(saves) {
            match value {
                Some(value) => {
                    let secret = Secret::new(Kind::ALL[kind], value.clone().into()).unwrap();
                    edit.set(&named(&name), secret, moment(1)).unwrap();
                    model.insert(name, (kind, value));
                }
                None => assert_eq!(edit.remove(&named(&name)).is_ok(), model.remove(&name).is_some()),
            }
            if save {
                edit.save(moment(2)).unwrap();
                edit = place.edit();
            }
        }
        edit.save(moment(3)).unwrap();

        let vault = place.open();
        let found: BTreeMap<String, (usize, Vec<u8>)> = vault
            .entries()
            .iter()
            .map(|entry| {
                let secret = vault.secret(entry.name()).unwrap();
                let kind = Kind::ALL.iter().position(|kind| *kind == secret.kind()).unwrap();
                (entry.name().to_string(), (kind, secret.expose().to_vec()))
            })
            .collect();
        prop_assert_eq!(found, model);
        prop_assert_eq!(vault.verify(), Ok(()));
    }
}
