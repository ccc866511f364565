use super::Frequency;
use crate::graph::{Answer, Graph, GraphError, QueryStop};

const LINKS: &str = "SELECT ?finding ?disease ?with ?without ?source { ?link is:finding ?finding ; is:disease ?disease ; \
    is:sensitivity ?with ; is:falsePositiveRate ?without ; dcterms:source ?source } ORDER BY ?link";

impl Frequency {
    /// What the graph knows of how often findings go with diseases, in order: `is:finding`, `is:disease`, `is:sensitivity`,
    /// `is:falsePositiveRate` and `dcterms:source` of one node. Names are those that people write, `DOID:6000`.
    ///
    /// # Errors
    /// As [`Graph::query`].
    pub fn of_graph(graph: &Graph) -> Result<Vec<Self>, GraphError> {
        let Answer::Table { rows, .. } = graph.query(LINKS, usize::MAX, &QueryStop::new())? else {
            return Ok(Vec::new());
        };
        let mut found = Vec::new();
        for row in rows {
            let cells: Vec<String> = row.iter().flatten().map(crate::graph::Binding::shown).collect();
            let [finding, disease, with, without, source] = &cells[..] else { continue };
            let number = |text: &str| {
                text.parse::<f64>().map_err(|_| GraphError::Evaluation {
                    what: format!("\"{text}\" of {finding} with {disease} is no number"),
                })
            };
            found.push(Self {
                finding: finding.clone(),
                disease: disease.clone(),
                sensitivity: number(with)?,
                false_positive_rate: number(without)?,
                source: source.clone(),
            });
        }
        Ok(found)
    }
}
