//! Lists in the order of their keys, each key once.

/// Sorts `list` by its keys and leaves of those that are equal the last.
pub(crate) fn last_of_each<K: Ord, V>(list: &mut Vec<(K, V)>) {
    list.sort_by(|(one, _), (other, _)| one.cmp(other));
    list.dedup_by(|later, kept| {
        let same = later.0 == kept.0;
        if same {
            std::mem::swap(later, kept);
        }
        same
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_what_comes_more_than_once_the_last_stays_in_the_order_of_the_keys() {
        let mut list = vec![("c", 1), ("b", 2), ("a", 3), ("b", 4), ("b", 5), ("a", 6)];

        last_of_each(&mut list);

        assert_eq!(list, [("a", 6), ("b", 5), ("c", 1)]);
    }
}
