//! Studies with their reports, in the order in which they are worth looking at.

use rusqlite::types::Value;
use rusqlite::{Row, params_from_iter};
use wilhelm_study::Phi;

use super::{ReportRow, Reports};
use crate::StoreError;
use crate::text::folded;

/// Which studies are listed.
#[derive(Clone, Debug, Default)]
pub struct WorklistQuery {
    /// Words that each stand in the patient's name or number, the accession number or the description.
    pub text: Option<Phi<String>>,
    /// With a series of this modality.
    pub modality: Option<String>,
    /// With a report in this state; `unread` is without a report.
    pub state: Option<String>,
    /// Only these studies.
    pub among: Option<Vec<String>>,
    /// None of these studies.
    pub except: Vec<String>,
    /// Most rows.
    pub limit: u32,
    /// Rows passed over before the first.
    pub offset: u32,
}

/// One study.
#[derive(Clone, Debug)]
pub struct WorklistRow {
    /// Study Instance UID.
    pub study_uid: String,
    /// Patient's Name.
    pub patient_name: Phi<String>,
    /// Patient ID.
    pub patient_id: Phi<String>,
    /// Patient's Birth Date.
    pub birth_date: Phi<String>,
    /// Patient's Sex.
    pub sex: String,
    /// Study Date.
    pub date: Phi<String>,
    /// Study Time.
    pub time: Phi<String>,
    /// Study Description.
    pub description: String,
    /// Accession Number.
    pub accession: Phi<String>,
    /// Modalities of its series, each once.
    pub modalities: Vec<String>,
    /// When its first object came, seconds since 1970.
    pub arrived: i64,
    /// Number of its objects.
    pub instances: u64,
    /// Its reports that count.
    pub reports: Vec<ReportRow>,
}

/// Most words of a search.
const WORDS: usize = 8;

const ROW: &str = "SELECT s.uid, s.patient_name, s.patient_id, s.birth_date, s.sex, s.date, s.time, s.description, s.accession,
    (SELECT group_concat(modality, '\\') FROM (SELECT DISTINCT modality FROM series
     WHERE study_key = s.key AND modality <> '' ORDER BY modality)), s.arrived, s.instance_count FROM study s";

impl Reports<'_> {
    /// How many studies there are of a kind, and those of a page: with urgent drafts first, then with those that are soon,
    /// then as they arrived, the last first.
    ///
    /// # Errors
    /// [`StoreError::Catalog`].
    pub fn worklist(&self, query: &WorklistQuery) -> Result<(u64, Vec<WorklistRow>), StoreError> {
        let (condition, parameters) = conditions(query);
        let counted = self.store.reading("counting the worklist", |connection| {
            let sql = format!("SELECT count(*) FROM study s WHERE {condition}");
            connection
                .prepare_cached(&sql)?
                .query_row(params_from_iter(&parameters), |row| row.get::<_, i64>(0))
        })?;
        let sql = format!(
            "{ROW} WHERE {condition}
             ORDER BY coalesce((SELECT max(CASE WHEN urgency >= 2 THEN urgency ELSE 0 END) FROM report
              WHERE study_uid = s.uid AND superseded = 0 AND state = 'draft'), 0) DESC, s.arrived DESC, s.key DESC
             LIMIT {} OFFSET {}",
            query.limit, query.offset
        );
        let mut rows = self.store.reading("listing the worklist", |connection| {
            let mut prepared = connection.prepare_cached(&sql)?;
            prepared.query_map(params_from_iter(&parameters), listed)?.collect::<rusqlite::Result<Vec<_>>>()
        })?;
        for row in &mut rows {
            row.reports = self.of_study(&row.study_uid)?;
        }
        Ok((counted.try_into().unwrap_or(0), rows))
    }

    /// One study as the worklist has it.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::Catalog`].
    pub fn listed(&self, study: &str) -> Result<WorklistRow, StoreError> {
        let found = self.store.reading("finding a study", |connection| {
            let mut prepared = connection.prepare_cached(&format!("{ROW} WHERE s.uid = ?"))?;
            prepared.query_map([study], listed)?.next().transpose()
        })?;
        let mut row = found.ok_or(StoreError::NotFound { what: "study" })?;
        row.reports = self.of_study(study)?;
        Ok(row)
    }
}

fn listed(row: &Row<'_>) -> rusqlite::Result<WorklistRow> {
    let phi = |place| row.get::<_, String>(place).map(Phi::new);
    let modalities: Option<String> = row.get(9)?;
    let instances: i64 = row.get(11)?;
    Ok(WorklistRow {
        study_uid: row.get(0)?,
        patient_name: phi(1)?,
        patient_id: phi(2)?,
        birth_date: phi(3)?,
        sex: row.get(4)?,
        date: phi(5)?,
        time: phi(6)?,
        description: row.get(7)?,
        accession: phi(8)?,
        modalities: modalities.iter().flat_map(|all| all.split('\\')).map(str::to_owned).collect(),
        arrived: row.get(10)?,
        instances: instances.try_into().unwrap_or(0),
        reports: Vec::new(),
    })
}

fn conditions(query: &WorklistQuery) -> (String, Vec<Value>) {
    let mut conditions = vec!["1".to_owned()];
    let mut parameters = Vec::new();
    let words = query.text.as_ref().map(|text| folded(text.expose())).unwrap_or_default();
    for word in words.split(['^', ' ', '=']).filter(|word| !word.is_empty()).take(WORDS) {
        let literal = word.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
        let places = ["patient_name_folded", "patient_id", "accession", "description"];
        let each: Vec<String> = places.map(|place| format!("s.{place} LIKE ? ESCAPE '\\'")).into();
        conditions.push(format!("({})", each.join(" OR ")));
        parameters.extend(places.map(|_| Value::Text(format!("%{literal}%"))));
    }
    if let Some(modality) = &query.modality {
        conditions.push("EXISTS (SELECT 1 FROM series WHERE study_key = s.key AND modality = ?)".to_owned());
        parameters.push(Value::Text(modality.clone()));
    }
    let list = |studies: &[String]| Value::Text(serde_json::json!(studies).to_string());
    if let Some(among) = &query.among {
        conditions.push("s.uid IN (SELECT value FROM json_each(?))".to_owned());
        parameters.push(list(among));
    }
    if !query.except.is_empty() {
        conditions.push("s.uid NOT IN (SELECT value FROM json_each(?))".to_owned());
        parameters.push(list(&query.except));
    }
    match query.state.as_deref() {
        Some("unread") => conditions
            .push("NOT EXISTS (SELECT 1 FROM report WHERE study_uid = s.uid AND superseded = 0)".to_owned()),
        Some(state) => {
            conditions.push(
                "EXISTS (SELECT 1 FROM report WHERE study_uid = s.uid AND superseded = 0 AND state = ?)"
                    .to_owned(),
            );
            parameters.push(Value::Text(state.to_owned()));
        }
        None => {}
    }
    (conditions.join(" AND "), parameters)
}
