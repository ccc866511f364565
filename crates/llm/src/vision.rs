//! What lets a model see: the projector that makes pictures into vectors beside the words.

use std::ffi::CString;
use std::path::Path;

use llama_cpp_2::context::LlamaContext;
use llama_cpp_2::gguf::GgufContext;
use llama_cpp_2::model::LlamaModel;
use llama_cpp_2::mtmd::{
    MtmdBitmap, MtmdContext, MtmdContextParams, MtmdInputChunks, MtmdInputText, mtmd_default_marker,
};

use crate::local::check_file;
use crate::{LlmError, Picture};

/// Numbers of GGUF's types of values: 32-bit unsigned, text.
const UNSIGNED_32: u32 = 4;
const TEXT: u32 = 8;

/// Where a picture comes in a prompt's text.
pub(crate) fn marker() -> &'static str {
    mtmd_default_marker()
}

/// Opens the projector of a model.
///
/// What llama.cpp would only log is looked at before: a file that is no projector, or one whose vectors have another width.
pub(crate) fn open(
    path: &Path,
    model: &LlamaModel,
    threads: i32,
    gpu: bool,
) -> Result<MtmdContext, LlmError> {
    check_file(path, None)?;
    let refuse = |reason: String| LlmError::Projector { path: path.to_path_buf(), reason };
    fits(path, model.n_embd()).map_err(refuse)?;
    let place = path.to_str().ok_or_else(|| refuse("its path is no UTF-8".to_owned()))?;
    let parameters = MtmdContextParams {
        use_gpu: gpu,
        print_timings: false,
        n_threads: threads,
        media_marker: CString::new(marker()).map_err(|error| refuse(error.to_string()))?,
        ..MtmdContextParams::default()
    };
    let projector = MtmdContext::init_from_file(place, model, &parameters).map_err(|_| {
        refuse("llama.cpp refuses it; a tensor may be missing, or the file is cut".to_owned())
    })?;
    if projector.support_vision() { Ok(projector) } else { Err(refuse("it is not for pictures".to_owned())) }
}

/// That a file says to be a projector whose vectors are as wide as a model's.
fn fits(path: &Path, width: i32) -> Result<(), String> {
    let file = GgufContext::from_file(path).ok_or("its header cannot be read")?;
    let text = |key: &str| match file.find_key(key) {
        at if at < 0 || file.kv_type(at) != TEXT => "nothing".to_owned(),
        at => file.val_str(at).unwrap_or_default().to_owned(),
    };
    let found = text("general.architecture");
    if found != "clip" {
        return Err(format!(
            "its general.architecture is {found}, expected clip: it is a model and no projector (mmproj)"
        ));
    }
    let key = "clip.vision.projection_dim";
    match file.find_key(key) {
        at if at < 0 || file.kv_type(at) != UNSIGNED_32 => {
            Err(format!("it has no {key}: it is not for pictures"))
        }
        at if i64::from(file.val_u32(at)) != i64::from(width) => Err(format!(
            "its vectors have {} numbers, the model's {width}: it belongs to another model",
            file.val_u32(at)
        )),
        _ => Ok(()),
    }
}

/// The text and the pictures of a prompt, cut into what the model reads one after the other.
pub(crate) fn chunks(
    projector: &MtmdContext,
    text: String,
    pictures: &[Picture],
) -> Result<MtmdInputChunks, LlmError> {
    let failed = |reason: String| LlmError::Picture { reason };
    let bitmaps = pictures
        .iter()
        .map(|picture| MtmdBitmap::from_image_data(picture.columns(), picture.rows(), picture.rgb()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| failed(error.to_string()))?;
    let input = MtmdInputText { text, add_special: true, parse_special: true };
    projector
        .tokenize(input, &bitmaps.iter().collect::<Vec<_>>())
        .map_err(|error| failed(format!("the projector cannot read it: {error}")))
}

/// Brings a prompt with pictures into an empty context; the last token's outlook remains. Gives the place that comes next.
pub(crate) fn read(
    projector: &mut MtmdContext,
    context: &mut LlamaContext<'_>,
    chunks: &MtmdInputChunks,
    batch: usize,
) -> Result<usize, LlmError> {
    let batch = i32::try_from(batch).expect("a small constant");
    let next = chunks
        .eval_chunks(projector, context, 0, 0, batch, true)
        .map_err(|error| LlmError::Decode { reason: error.to_string() })?;
    usize::try_from(next).map_err(|_| LlmError::Decode { reason: "a place below 0".to_owned() })
}
