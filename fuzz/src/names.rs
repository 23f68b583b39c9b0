//! The names Mist gives things.

use ids::{Cloud, DeviceId, Mac, OrgId, SiteId, Timestamp};

/// Whatever a name is read from, it prints one spelling, and that spelling reads back as the same.
pub fn names(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Ok(mac) = text.parse::<Mac>() {
        assert_eq!(mac.to_string().len(), 12);
        assert_eq!(mac.to_string().parse(), Ok(mac));
    }
    if let Ok(cloud) = text.parse::<Cloud>() {
        assert_eq!(cloud.to_string().parse(), Ok(cloud));
    }
    if let Ok(id) = text.parse::<OrgId>() {
        assert_eq!(id.to_string().parse(), Ok(id));
    }
    if let Ok(id) = text.parse::<SiteId>() {
        assert_eq!(id.to_string().parse(), Ok(id));
    }
    if let Ok(id) = text.parse::<DeviceId>() {
        assert_eq!(id.to_string().parse(), Ok(id));
    }
    if let Ok(time) = text.parse::<Timestamp>() {
        moment(time);
    }
    if let Some(bytes) = data.first_chunk() {
        moment(Timestamp::from_micros(i64::from_le_bytes(*bytes)));
        if let Some(time) = Timestamp::from_secs_f64(f64::from_le_bytes(*bytes)) {
            moment(time);
        }
    }
}

/// RFC 3339 with milliseconds, UTC, always of the same length, and back.
fn moment(time: Timestamp) {
    let printed = time.to_string();
    assert!(printed.is_ascii() && printed.len() == 24 && printed.ends_with('Z'), "{printed}");
    let back: Timestamp = printed.parse().expect("what is printed is read");
    assert_eq!(back.micros().div_euclid(1_000), time.micros().div_euclid(1_000));
    assert_eq!(time.since(time).as_secs(), 0);
}
