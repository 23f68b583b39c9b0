//! The clouds Mist runs.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A cloud of Juniper Mist; an organisation lives in exactly one.
///
/// Written in configuration as `global-01`. Source of names and hosts: Juniper, "API Endpoint URLs and
/// Global Regions".
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the names are the clouds' own")]
pub enum Cloud {
    Global01,
    Global02,
    Global03,
    Global04,
    Global05,
    Emea01,
    Emea02,
    Emea03,
    Emea04,
    Apac01,
    Apac02,
    Apac03,
}

impl Cloud {
    /// Every cloud known to this version, in the vendor's order.
    pub const ALL: [Self; 12] = [
        Self::Global01,
        Self::Global02,
        Self::Global03,
        Self::Global04,
        Self::Global05,
        Self::Emea01,
        Self::Emea02,
        Self::Emea03,
        Self::Emea04,
        Self::Apac01,
        Self::Apac02,
        Self::Apac03,
    ];

    /// The name used in configuration: lower case with a hyphen.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Global01 => "global-01",
            Self::Global02 => "global-02",
            Self::Global03 => "global-03",
            Self::Global04 => "global-04",
            Self::Global05 => "global-05",
            Self::Emea01 => "emea-01",
            Self::Emea02 => "emea-02",
            Self::Emea03 => "emea-03",
            Self::Emea04 => "emea-04",
            Self::Apac01 => "apac-01",
            Self::Apac02 => "apac-02",
            Self::Apac03 => "apac-03",
        }
    }

    /// The host of the cloud's REST API.
    #[must_use]
    pub const fn api_host(self) -> &'static str {
        match self {
            Self::Global01 => "api.mist.com",
            Self::Global02 => "api.gc1.mist.com",
            Self::Global03 => "api.ac2.mist.com",
            Self::Global04 => "api.gc2.mist.com",
            Self::Global05 => "api.gc4.mist.com",
            Self::Emea01 => "api.eu.mist.com",
            Self::Emea02 => "api.gc3.mist.com",
            Self::Emea03 => "api.ac6.mist.com",
            Self::Emea04 => "api.gc6.mist.com",
            Self::Apac01 => "api.ac5.mist.com",
            Self::Apac02 => "api.gc5.mist.com",
            Self::Apac03 => "api.gc7.mist.com",
        }
    }
}

impl fmt::Display for Cloud {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Cloud {
    type Err = ParseCloudError;

    /// Reads `global-01`, also as the vendor writes it (`Global 01`) and without a separator.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let plain = |text: &str| -> String {
            text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
        };
        let wanted = plain(text);
        Self::ALL
            .into_iter()
            .find(|cloud| plain(cloud.name()) == wanted)
            .ok_or_else(|| ParseCloudError { text: text.into() })
    }
}

impl Serialize for Cloud {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Cloud {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

/// A text that names no cloud.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ParseCloudError {
    text: Box<str>,
}

impl fmt::Display for ParseCloudError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not a Mist cloud; the clouds are", self.text)?;
        for (i, cloud) in Cloud::ALL.into_iter().enumerate() {
            write!(f, "{} {cloud}", if i == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

impl std::error::Error for ParseCloudError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cloud_reads_back_from_its_name_and_the_vendors() {
        for cloud in Cloud::ALL {
            assert_eq!(cloud.name().parse(), Ok(cloud));
            assert_eq!(cloud.name().replace('-', " ").to_uppercase().parse(), Ok(cloud));
        }
    }

    #[test]
    fn an_unknown_cloud_is_answered_with_the_known_ones() {
        let said = "global-09".parse::<Cloud>().unwrap_err().to_string();

        assert!(said.contains("`global-09`") && said.contains("apac-03"), "{said}");
    }
}
