use oxigraph::model::{Term, Triple};
use oxigraph::sparql::{CancellationToken, QueryEvaluationError, QueryResults, SparqlEvaluator};
use serde::{Serialize, Serializer};

use super::vocabulary::{PREFIXES, short};
use super::{Graph, GraphError};

/// A hand on a running query: [`QueryStop::stop`] ends it, from any thread.
#[derive(Clone)]
pub struct QueryStop(CancellationToken);

impl QueryStop {
    /// One that nobody has used yet.
    #[must_use]
    pub fn new() -> Self {
        Self(CancellationToken::new())
    }

    /// Ends the queries that run with it.
    pub fn stop(&self) {
        self.0.cancel();
    }
}

impl Default for QueryStop {
    fn default() -> Self {
        Self::new()
    }
}

/// What a query gave.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// SELECT: a row a solution; a variable without a value is none.
    Table {
        /// Names of the variables, in the query's order.
        columns: Vec<String>,
        /// Values in the order of the columns.
        rows: Vec<Vec<Option<Binding>>>,
        /// Whether there were more rows than asked for.
        cut: bool,
    },
    /// ASK.
    Yes(bool),
    /// CONSTRUCT and DESCRIBE: subject, predicate, object.
    Statements {
        /// Three values a statement.
        rows: Vec<[Binding; 3]>,
        /// Whether there were more than asked for.
        cut: bool,
    },
}

/// A value of a query.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Binding {
    term: Value,
}

/// A term without the parser's types.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Value {
    Named(String),
    Blank(String),
    Text { text: String, language: Option<String>, datatype: Option<String> },
}

impl Binding {
    pub(super) fn of(term: Term) -> Self {
        Self {
            term: match term {
                Term::NamedNode(node) => Value::Named(node.into_string()),
                Term::BlankNode(node) => Value::Blank(node.into_string()),
                Term::Literal(literal) => {
                    let language = literal.language().map(str::to_owned);
                    let datatype = literal.datatype().as_str();
                    let plain = datatype.ends_with("#string") || datatype.ends_with("#langString");
                    let datatype = (!plain).then(|| datatype.to_owned());
                    Value::Text { text: literal.value().to_owned(), language, datatype }
                }
            },
        }
    }

    /// The whole address of a name, or a text.
    #[must_use]
    pub fn value(&self) -> &str {
        match &self.term {
            Value::Named(value) | Value::Blank(value) | Value::Text { text: value, .. } => value,
        }
    }

    /// For people: names short, texts without quotes.
    #[must_use]
    pub fn shown(&self) -> String {
        match &self.term {
            Value::Named(iri) => short(iri),
            Value::Blank(name) => format!("_:{name}"),
            Value::Text { text, .. } => text.clone(),
        }
    }
}

impl Serialize for Binding {
    /// As in the SPARQL 1.1 Query Results JSON Format, section 3.2.2.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Json<'a> {
            r#type: &'static str,
            value: &'a str,
            #[serde(rename = "xml:lang", skip_serializing_if = "Option::is_none")]
            language: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            datatype: Option<&'a str>,
        }
        let json = |r#type, value| Json { r#type, value, language: None, datatype: None };
        match &self.term {
            Value::Named(iri) => json("uri", iri).serialize(serializer),
            Value::Blank(name) => json("bnode", name).serialize(serializer),
            Value::Text { text, language, datatype } => {
                let (language, datatype) = (language.as_deref(), datatype.as_deref());
                Json { language, datatype, ..json("literal", text) }.serialize(serializer)
            }
        }
    }
}

impl Graph {
    /// Answers a query over all sources together; `GRAPH ?source { .. }` tells them apart. Prefixes of the program need not
    /// be written down.
    ///
    /// # Errors
    /// [`GraphError::Syntax`] for what is no query (changes are none), [`GraphError::Stopped`] after [`QueryStop::stop`],
    /// [`GraphError::Evaluation`].
    ///
    /// # Source
    /// SPARQL 1.1 Query Language, <https://www.w3.org/TR/sparql11-query/>
    pub fn query(&self, sparql: &str, most_rows: usize, stop: &QueryStop) -> Result<Answer, GraphError> {
        let mut evaluator = SparqlEvaluator::new().with_cancellation_token(stop.0.clone());
        for (prefix, iri) in PREFIXES.into_iter().chain([
            ("DOID", "http://purl.obolibrary.org/obo/DOID_"),
            ("HP", "http://purl.obolibrary.org/obo/HP_"),
        ]) {
            evaluator = evaluator.with_prefix(prefix, iri).expect("our prefixes are addresses");
        }
        let mut query = evaluator.parse_query(sparql).map_err(|error| {
            let what = error.to_string();
            // The parser lists every character that might have stood there.
            let what = what.split(": expected one of").next().unwrap_or_default().to_owned();
            GraphError::Syntax { what }
        })?;
        if query.dataset().is_default_dataset() {
            query.dataset_mut().set_default_graph_as_union();
        }
        Ok(match query.on_store(&self.store).execute().map_err(of_evaluation)? {
            QueryResults::Boolean(yes) => Answer::Yes(yes),
            QueryResults::Solutions(solutions) => {
                let columns: Vec<String> =
                    solutions.variables().iter().map(|variable| variable.as_str().to_owned()).collect();
                let mut rows = Vec::new();
                let mut cut = false;
                for solution in solutions {
                    let solution = solution.map_err(of_evaluation)?;
                    if rows.len() == most_rows {
                        cut = true;
                        break;
                    }
                    let row =
                        columns.iter().map(|column| solution.get(column.as_str()).cloned().map(Binding::of));
                    rows.push(row.collect());
                }
                Answer::Table { columns, rows, cut }
            }
            QueryResults::Graph(triples) => {
                let mut rows = Vec::new();
                let mut cut = false;
                for triple in triples {
                    let Triple { subject, predicate, object } = triple.map_err(of_evaluation)?;
                    if rows.len() == most_rows {
                        cut = true;
                        break;
                    }
                    rows.push([
                        Binding::of(subject.into()),
                        Binding::of(predicate.into()),
                        Binding::of(object),
                    ]);
                }
                Answer::Statements { rows, cut }
            }
        })
    }
}

fn of_evaluation(error: QueryEvaluationError) -> GraphError {
    match error {
        QueryEvaluationError::Cancelled => GraphError::Stopped,
        other => GraphError::Evaluation { what: other.to_string() },
    }
}
