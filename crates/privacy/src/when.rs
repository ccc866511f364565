//! Times as RFC 3339 writes them in UTC, to a millisecond: `2026-01-31T14:05:00.000Z`.

use std::borrow::Cow;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub fn text(at: &DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

pub fn serialize<S: Serializer>(at: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&text(at))
}

pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DateTime<Utc>, D::Error> {
    let text = Cow::<str>::deserialize(deserializer)?;
    text.parse().map_err(|_| serde::de::Error::custom("no time in UTC"))
}

/// A time in a place that wants a type.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct When(#[serde(with = "self")] DateTime<Utc>);

/// A time that may be missing.
pub mod perhaps {
    use super::{DateTime, Deserialize, Deserializer, Serialize, Serializer, Utc, When};

    pub fn serialize<S: Serializer>(at: &Option<DateTime<Utc>>, serializer: S) -> Result<S::Ok, S::Error> {
        at.map(When).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<DateTime<Utc>>, D::Error> {
        Ok(Option::<When>::deserialize(deserializer)?.map(|at| at.0))
    }
}

/// Times by the references of patients.
pub mod by_reference {
    use std::collections::BTreeMap;

    use super::{DateTime, Deserialize, Deserializer, Serialize, Serializer, Utc, When};
    use crate::audit::Reference;

    type Times = BTreeMap<Reference, DateTime<Utc>>;

    pub fn serialize<S: Serializer>(times: &Times, serializer: S) -> Result<S::Ok, S::Error> {
        let times: BTreeMap<&Reference, When> =
            times.iter().map(|(patient, at)| (patient, When(*at))).collect();
        times.serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Times, D::Error> {
        let times = BTreeMap::<Reference, When>::deserialize(deserializer)?;
        Ok(times.into_iter().map(|(patient, at)| (patient, at.0)).collect())
    }
}
