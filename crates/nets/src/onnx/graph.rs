use burn::tensor::Tensor;
use prost::Message;

use super::OnnxError;
use super::message::{
    AttributeProto, AxisProto, EntryProto, FLOAT, GraphProto, INT64, ModelProto, NodeProto, OperatorSetProto,
    ShapeProto, TensorProto, TensorTypeProto, TypeProto, ValueProto, kind,
};

/// The version of ONNX's operators that graphs are written in: the first with layer normalization, known to ONNX
/// Runtime since 1.12.
pub(super) const OPERATORS: i64 = 17;
/// The version of the file's form that came with it.
const FORM: i64 = 8;

/// Something that a node makes or a graph is given, by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Value(String);

/// A setting of an operator.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Setting<'a> {
    Number(f64),
    Whole(i64),
    Wholes(&'a [i64]),
    Word(&'a str),
}

/// A graph that grows node by node, each after what it reads.
///
/// Weights have the names that they have in our safetensors files, nodes that of the layer they are of; the same
/// network gives the same bytes.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    nodes: Vec<NodeProto>,
    initializers: Vec<TensorProto>,
    inputs: Vec<ValueProto>,
    outputs: Vec<ValueProto>,
    fault: Option<OnnxError>,
}

impl Graph {
    /// An input of single-precision numbers: how many there are of the first axis is known when the network runs.
    pub fn input(&mut self, name: &str, axes: &[usize]) -> Value {
        self.inputs.push(value(name, axes, ""));
        Value(name.to_owned())
    }

    /// Gives a value the name of an output; its first axis is the input's.
    pub fn output(&mut self, name: &str, axes: &[usize], words: &str, from: &Value) {
        self.push("Identity", name.to_owned(), &[from], &[name.to_owned()], &[]);
        self.outputs.push(value(name, axes, words));
    }

    /// Weights as they are.
    pub fn weights<const D: usize>(&mut self, name: &str, tensor: Tensor<D>) -> Value {
        let shape = tensor.dims();
        let values = self.read(name, tensor);
        self.numbers(name, &shape, &values)
    }

    /// The numbers of a tensor; where they cannot be had, [`finish`](Self::finish) says so.
    pub fn read<const D: usize>(&mut self, name: &str, tensor: Tensor<D>) -> Vec<f32> {
        tensor.into_data().try_into_vec::<f32>().unwrap_or_else(|error| {
            self.fault
                .get_or_insert(OnnxError::Weights { name: name.to_owned(), what: format!("{error:?}") });
            Vec::new()
        })
    }

    /// Single-precision numbers, the last axis fastest.
    pub fn numbers(&mut self, name: &str, shape: &[usize], values: &[f32]) -> Value {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.initializer(name, shape, FLOAT, bytes)
    }

    /// A list of whole numbers: a shape, axes, places.
    pub fn wholes(&mut self, name: &str, values: &[i64]) -> Value {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.initializer(name, &[values.len()], INT64, bytes)
    }

    fn initializer(&mut self, name: &str, shape: &[usize], data_type: i32, raw_data: Vec<u8>) -> Value {
        let dims = shape.iter().map(|length| *length as i64).collect();
        self.initializers.push(TensorProto {
            dims,
            data_type,
            name: name.to_owned(),
            raw_data,
            ..TensorProto::default()
        });
        Value(name.to_owned())
    }

    /// A node with one output, which has its name.
    pub fn node(
        &mut self,
        name: &str,
        operator: &str,
        inputs: &[&Value],
        settings: &[(&str, Setting)],
    ) -> Value {
        let output = format!("{name}:{}", operator.to_lowercase());
        self.push(operator, output.clone(), inputs, std::slice::from_ref(&output), settings);
        Value(output)
    }

    /// A node with several outputs.
    pub fn split<const N: usize>(
        &mut self,
        name: &str,
        operator: &str,
        inputs: &[&Value],
        settings: &[(&str, Setting)],
    ) -> [Value; N] {
        let node = format!("{name}:{}", operator.to_lowercase());
        let outputs: [String; N] = std::array::from_fn(|at| format!("{node}.{at}"));
        self.push(operator, node, inputs, &outputs, settings);
        outputs.map(Value)
    }

    fn push(
        &mut self,
        operator: &str,
        name: String,
        inputs: &[&Value],
        outputs: &[String],
        settings: &[(&str, Setting)],
    ) {
        self.nodes.push(NodeProto {
            input: inputs.iter().map(|value| value.0.clone()).collect(),
            output: outputs.to_vec(),
            name,
            op_type: operator.to_owned(),
            attribute: settings.iter().map(|(name, setting)| attribute(name, *setting)).collect(),
            domain: String::new(),
        });
    }

    /// The file.
    ///
    /// # Errors
    /// [`OnnxError::Weights`] if weights could not be read from their device, [`OnnxError::Large`] where the file would
    /// be larger than this program reads.
    pub fn finish(
        self,
        name: &str,
        words: &str,
        metadata: &[(String, String)],
    ) -> Result<Vec<u8>, OnnxError> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let entry = |(key, value): &(String, String)| EntryProto { key: key.clone(), value: value.clone() };
        let model = ModelProto {
            ir_version: FORM,
            producer_name: "wilhelm".to_owned(),
            producer_version: env!("CARGO_PKG_VERSION").to_owned(),
            doc_string: words.to_owned(),
            graph: Some(GraphProto {
                node: self.nodes,
                name: name.to_owned(),
                initializer: self.initializers,
                input: self.inputs,
                output: self.outputs,
                sparse_initializer: Vec::new(),
            }),
            opset_import: vec![OperatorSetProto { domain: String::new(), version: OPERATORS }],
            metadata_props: metadata.iter().map(entry).collect(),
            functions: Vec::new(),
        };
        let bytes = model.encoded_len();
        if bytes > super::MOST_BYTES {
            return Err(OnnxError::Large { bytes, most: super::MOST_BYTES });
        }
        Ok(model.encode_to_vec())
    }
}

fn value(name: &str, axes: &[usize], words: &str) -> ValueProto {
    let batch = AxisProto { length: None, name: Some("batch".to_owned()) };
    let others = axes.iter().map(|length| AxisProto { length: Some(*length as i64), name: None });
    let shape = ShapeProto { axes: std::iter::once(batch).chain(others).collect() };
    let tensor = TensorTypeProto { elements: FLOAT, shape: Some(shape) };
    ValueProto {
        name: name.to_owned(),
        kind: Some(TypeProto { tensor: Some(tensor) }),
        doc_string: words.to_owned(),
    }
}

fn attribute(name: &str, setting: Setting) -> AttributeProto {
    let named = AttributeProto { name: name.to_owned(), ..AttributeProto::default() };
    match setting {
        Setting::Number(number) => AttributeProto { f: Some(number as f32), kind: kind::FLOAT, ..named },
        Setting::Whole(whole) => AttributeProto { i: Some(whole), kind: kind::INT, ..named },
        Setting::Wholes(wholes) => AttributeProto { ints: wholes.to_vec(), kind: kind::INTS, ..named },
        Setting::Word(word) => {
            AttributeProto { s: Some(word.as_bytes().to_vec()), kind: kind::STRING, ..named }
        }
    }
}
