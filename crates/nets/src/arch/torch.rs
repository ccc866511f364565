use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{DType, Tensor, TensorData};
use burn_store::{
    BurnToPyTorchAdapter, FloatCastAdapter, ModuleAdapter, ModuleContext, ModuleSnapshot,
    PyTorchToBurnAdapter, bridge, burn_pack,
};
use safetensors::tensor::{Dtype, SafeTensors, TensorInfo, TensorView};

/// Why weights of PyTorch cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WeightsError {
    /// No safetensors, or cut off.
    #[error("weights are not readable as safetensors: {0}")]
    Form(String),
    /// Readable, but of another network.
    #[error("weights are of another network: {0}")]
    Misfit(Misfit),
    /// A tensor of the network does not hold floating-point numbers.
    #[error("tensor {name} holds {found}, expected F16, BF16, F32 or F64")]
    Kind {
        /// The tensor, by PyTorch's name.
        name: String,
        /// What it holds.
        found: String,
    },
}

/// What does not fit between a file of weights and a network, by PyTorch's names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Misfit {
    /// Tensors that the network needs and the file lacks.
    pub missing: Vec<String>,
    /// Tensors of the file that the network has no place for.
    pub left_over: Vec<String>,
    /// Tensors of another shape: name, found, expected.
    pub misshapen: Vec<(String, Vec<usize>, Vec<usize>)>,
}

impl Misfit {
    fn is_none(&self) -> bool {
        self.missing.is_empty() && self.left_over.is_empty() && self.misshapen.is_empty()
    }
}

impl fmt::Display for Misfit {
    /// The first of each kind, and how many there are.
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 4;
        let list = |names: Vec<String>, kind: &str| {
            let more = names.len().saturating_sub(SHOWN);
            let shown = names[..names.len() - more].join(", ");
            let tail = if more == 0 { String::new() } else { format!(" and {more} more") };
            (!names.is_empty()).then(|| format!("{kind} {shown}{tail}"))
        };
        let misshapen = self
            .misshapen
            .iter()
            .map(|(name, found, expected)| format!("{name} ({found:?}, expected {expected:?})"))
            .collect();
        let parts = [
            list(self.missing.clone(), "missing"),
            list(misshapen, "misshapen"),
            list(self.left_over.clone(), "left over"),
        ];
        to.write_str(&parts.into_iter().flatten().collect::<Vec<_>>().join("; "))
    }
}

/// A network whose tensors have names in PyTorch.
pub trait TorchNames: Module {
    /// PyTorch's name of one of the network's own tensors.
    ///
    /// Scale and offset of batch and layer normalization come as `weight` and `bias`, as PyTorch calls them.
    fn torch_name(&self, own: &str) -> String;

    /// Today's name of a tensor that a file names otherwise; none for one that no network needs.
    fn current_name(&self, found: &str) -> Option<String> {
        (!found.ends_with("num_batches_tracked")).then(|| found.to_owned())
    }
}

/// The network with the weights of a PyTorch state dict in a safetensors file.
///
/// Linear weights are transposed; half and double precision are read as single. The counters
/// `num_batches_tracked` are not needed.
///
/// # Errors
/// [`WeightsError`] naming what is missing, left over or misshapen.
pub fn load_torch<N: TorchNames>(mut network: N, weights: Vec<u8>) -> Result<N, WeightsError> {
    let mut found = listed(&network, &weights)?;
    let weights = Arc::new(weights);
    let mut misfit = Misfit::default();
    let mut tensors = Vec::new();
    for (own, expected) in declared(&network) {
        let name = network.torch_name(&own);
        let Some((start, info)) = found.remove(&name) else {
            misfit.missing.push(name);
            continue;
        };
        if info.shape != expected {
            misfit.misshapen.push((name, info.shape, expected));
            continue;
        }
        let kind = match info.dtype {
            Dtype::F16 => DType::F16,
            Dtype::BF16 => DType::BF16,
            Dtype::F32 => DType::F32,
            Dtype::F64 => DType::F64,
            other => return Err(WeightsError::Kind { name, found: format!("{other:?}") }),
        };
        let (bytes, shape) = (weights.clone(), expected.clone());
        let range = start + info.data_offsets.0..start + info.data_offsets.1;
        tensors.push(bridge::deferred(own, kind, expected.into(), None, move || {
            Ok(TensorData::from_bytes_vec(bytes[range.clone()].to_vec(), shape.clone(), kind))
        }));
    }
    misfit.left_over = found.into_keys().collect();
    if !misfit.is_none() {
        return Err(WeightsError::Misfit(misfit));
    }
    let adapter = PyTorchToBurnAdapter.chain(FloatCastAdapter::to(DType::F32));
    let result = network.apply(tensors, None, Some(Box::new(adapter)), false);
    match result.errors.first() {
        Some(error) => Err(WeightsError::Form(error.to_string())),
        None => Ok(network),
    }
}

/// The weights as a safetensors file with PyTorch's names and shapes, which `load_state_dict` reads (nnU-Net's with
/// `strict=False`, since it asks for the same tensors under several names).
///
/// # Errors
/// [`WeightsError`] if a tensor cannot be read back from the device.
pub fn save_torch<N: TorchNames>(network: &N) -> Result<Vec<u8>, WeightsError> {
    let form = |error: String| WeightsError::Form(error);
    let mut tensors = BTreeMap::new();
    for tensor in network.collect(None, Some(Box::new(BurnToPyTorchAdapter)), false) {
        let name = network.torch_name(&tensor.name);
        let data = bridge::into_data(tensor).map_err(|error| form(error.to_string()))?;
        if data.dtype() != DType::F32 {
            return Err(WeightsError::Kind { name, found: format!("{:?}", data.dtype()) });
        }
        tensors.insert(name, data);
    }
    let mut views = Vec::with_capacity(tensors.len());
    for (name, data) in &tensors {
        let shape = data.shape().iter().copied().collect();
        let view =
            TensorView::new(Dtype::F32, shape, data.as_bytes()).map_err(|error| form(error.to_string()))?;
        views.push((name, view));
    }
    let facts = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    safetensors::serialize(views, Some(facts)).map_err(|error| form(error.to_string()))
}

/// The tensors of a file by today's names, each with where the data begin; only the header is read.
fn listed<N: TorchNames>(
    network: &N,
    weights: &[u8],
) -> Result<BTreeMap<String, (usize, TensorInfo)>, WeightsError> {
    let (header, facts) =
        SafeTensors::read_metadata(weights).map_err(|error| WeightsError::Form(error.to_string()))?;
    // Eight bytes say how long the header is.
    let start = header + size_of::<u64>();
    let ordered: BTreeMap<String, &TensorInfo> = facts.tensors().into_iter().collect();
    let mut listed = BTreeMap::new();
    for (found, info) in ordered {
        let Some(name) = network.current_name(&found) else { continue };
        if listed.insert(name, (start, info.clone())).is_some() {
            return Err(WeightsError::Form(format!("tensor {found} stands there under two names")));
        }
    }
    Ok(listed)
}

/// The names of a file's tensors; only the header is read.
pub(super) fn names_in(weights: &[u8]) -> Result<Vec<String>, WeightsError> {
    let (_, facts) =
        SafeTensors::read_metadata(weights).map_err(|error| WeightsError::Form(error.to_string()))?;
    Ok(facts.tensors().into_keys().collect())
}

/// Names and shapes of a network's tensors as PyTorch would have them, without making the tensors.
pub(super) fn declared<N: TorchNames>(network: &N) -> Vec<(String, Vec<usize>)> {
    let mut visitor = Declared::default();
    network.visit(&mut visitor);
    visitor.tensors
}

#[derive(Default)]
struct Declared {
    path: Vec<String>,
    containers: Vec<String>,
    tensors: Vec<(String, Vec<usize>)>,
}

impl ModuleVisitor for Declared {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.push(name.to_owned());
        self.containers.push(container.to_owned());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
        self.containers.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let nothing = || Err(burn_pack::Error::ValidationError("only the shape is asked for".to_owned()));
        let own = bridge::deferred(self.path.join("."), DType::F32, param.lazy_shape(), None, nothing);
        let theirs = BurnToPyTorchAdapter.adapt(own, ModuleContext::new(&self.containers));
        self.tensors.push((theirs.name, theirs.shape.iter().copied().collect()));
    }
}

/// The number after one that a name spells.
pub(super) fn next(number: &str) -> usize {
    number.parse::<usize>().map_or(0, |number| number + 1)
}
