//! The thread that owns a llama.cpp model and its context.

use crate::adapter;
use crate::assemble::Assembler;
use crate::{
    ChatPrompt, FinishReason, Gbnf, GenerateSettings, Generation, LlmError, LoadSettings, ModelFacts, Role,
};
use llama_cpp_2::LogOptions;
use llama_cpp_2::context::LlamaContext;
use llama_cpp_2::context::params::LlamaContextParams;
use llama_cpp_2::llama_backend::LlamaBackend;
use llama_cpp_2::llama_batch::LlamaBatch;
use llama_cpp_2::model::params::LlamaModelParams;
use llama_cpp_2::model::{LlamaChatMessage, LlamaChatTemplate, LlamaLoraAdapter, LlamaModel};
use llama_cpp_2::sampling::LlamaSampler;
use llama_cpp_2::token::LlamaToken;
use llama_cpp_2::token::data::LlamaTokenData;
use llama_cpp_2::token::data_array::LlamaTokenDataArray;
use std::num::NonZeroU32;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, Sender};
use std::time::Instant;

/// Tokens computed at once while reading a prompt. Fixed, because it changes rounding and so, rarely, words.
const BATCH_TOKENS: usize = 512;

/// A prompt to answer, and the ways to talk to its caller.
pub(crate) struct Job {
    pub(crate) prompt: ChatPrompt,
    pub(crate) settings: GenerateSettings,
    pub(crate) messages: Sender<Message>,
    /// The caller's verdict after each message but the last.
    pub(crate) judged: Receiver<ControlFlow<()>>,
}

/// What the thread tells the caller of a job.
pub(crate) enum Message {
    Read { done: usize, total: usize },
    Wrote(String),
    Done(Box<Result<Generation, LlmError>>),
}

impl Job {
    /// Tells the caller; a caller who is gone wants no more.
    fn tell(&self, message: Message) -> ControlFlow<()> {
        if self.messages.send(message).is_err() {
            return ControlFlow::Break(());
        }
        self.judged.recv().unwrap_or(ControlFlow::Break(()))
    }
}

/// A loaded model with its context.
pub(crate) struct Worker<'model> {
    model: &'model LlamaModel,
    context: LlamaContext<'model>,
    template: LlamaChatTemplate,
    /// Texts that are commands to the model.
    control_tokens: Vec<String>,
    /// The beginning of a prompt that the context holds, alone or followed by leftovers.
    remembered: Vec<LlamaToken>,
    context_tokens: usize,
    #[cfg(feature = "vision")]
    projector: Option<llama_cpp_2::mtmd::MtmdContext>,
}

/// A prompt as tokens: the beginning that can be remembered, and the rest.
struct Tokens {
    head: Vec<LlamaToken>,
    rest: Vec<LlamaToken>,
}

/// What stands in the context when an answer begins.
struct Read {
    prompt_tokens: usize,
    remembered_tokens: usize,
    /// The place of the answer's first token.
    next: usize,
    going: ControlFlow<()>,
}

impl Worker<'_> {
    /// Loads the model, reports it ready, and answers jobs until no more can come.
    pub(crate) fn run(
        path: &Path,
        settings: &LoadSettings,
        ready: &Sender<Result<ModelFacts, LlmError>>,
        jobs: &Receiver<Job>,
    ) {
        let loaded = backend().and_then(|backend| Ok((backend, load(backend, path, settings.gpu_layers)?)));
        let (backend, mut model) = match loaded {
            Ok(loaded) => loaded,
            Err(error) => return report(ready, Err(error)),
        };
        let adapter = settings.adapter.as_ref().map(|adapter| adapter::open(&mut model, adapter)).transpose();
        let adapter = match adapter {
            Ok(adapter) => adapter,
            Err(error) => return report(ready, Err(error)),
        };
        match Worker::new(backend, &model, adapter, settings) {
            Ok(mut worker) => {
                report(ready, Ok(facts(&model)));
                for job in jobs {
                    let result = worker.answer(&job);
                    // A caller who is gone needs no answer.
                    drop(job.messages.send(Message::Done(Box::new(result))));
                }
            }
            Err(error) => report(ready, Err(error)),
        }
    }
}

impl<'model> Worker<'model> {
    fn new(
        backend: &LlamaBackend,
        model: &'model LlamaModel,
        adapter: Option<LlamaLoraAdapter>,
        settings: &LoadSettings,
    ) -> Result<Self, LlmError> {
        let (found, trained) = (settings.context_tokens, model.n_ctx_train());
        if found > trained {
            return Err(LlmError::ContextTooLarge { found, trained });
        }
        let template = match &settings.chat_template {
            Some(name) => LlamaChatTemplate::new(name).map_err(|_| LlmError::ChatTemplate)?,
            None => model.chat_template(None).map_err(|_| LlmError::NoChatTemplate)?,
        };
        let threads = i32::try_from(settings.threads).expect("checked to be at most 512");
        #[cfg(not(feature = "vision"))]
        if let Some(path) = settings.projector.clone() {
            let reason = "this program was built without the feature vision".to_owned();
            return Err(LlmError::Projector { path, reason });
        }
        #[cfg(feature = "vision")]
        let projector = settings
            .projector
            .as_ref()
            .map(|path| crate::vision::open(path, model, threads, settings.gpu_layers > 0))
            .transpose()?;
        let batch = u32::try_from(BATCH_TOKENS).expect("a small constant");
        let parameters = LlamaContextParams::default()
            .with_n_ctx(NonZeroU32::new(found))
            .with_n_batch(batch)
            .with_n_ubatch(batch)
            .with_n_threads(threads)
            .with_n_threads_batch(threads);
        let mut context = model
            .new_context(backend, parameters)
            .map_err(|_| LlmError::Context { context_tokens: found })?;
        if let (Some(mut loaded), Some(adapter)) = (adapter, &settings.adapter) {
            adapter::put(&mut context, &mut loaded, adapter)?;
        }
        let vocabulary = model.vocab();
        let control_tokens = vocabulary
            .tokens()
            .filter(|&token| vocabulary.is_control(token))
            .map(|token| String::from_utf8_lossy(&vocabulary.token_to_piece(token, true, None)).into_owned())
            .filter(|text| !text.trim().is_empty())
            .collect();
        let context_tokens = found as usize;
        Ok(Self {
            model,
            context,
            template,
            control_tokens,
            remembered: Vec::new(),
            context_tokens,
            #[cfg(feature = "vision")]
            projector,
        })
    }

    fn answer(&mut self, job: &Job) -> Result<Generation, LlmError> {
        let started = Instant::now();
        if !job.prompt.pictures.is_empty() {
            return self.answer_seeing(job, started);
        }
        let tokens = self.tokenize(&job.prompt)?;
        let prompt_tokens = tokens.head.len() + tokens.rest.len();
        self.fits(prompt_tokens, &job.settings)?;
        let span = tracing::debug_span!("llm.generate", prompt_tokens, max_tokens = job.settings.max_tokens);
        let _entered = span.enter();
        // A grammar that cannot be used is told before the prompt is read.
        let chooser = Chooser::new(self.model, &job.settings)?;
        let (remembered_tokens, going) = self.read(&tokens, job)?;
        let read = Read { prompt_tokens, remembered_tokens, next: prompt_tokens, going };
        self.write(job, chooser, read, started)
    }

    /// Refuses a prompt that leaves no room for its answer.
    fn fits(&self, prompt_tokens: usize, settings: &GenerateSettings) -> Result<(), LlmError> {
        let (max_tokens, context_tokens) = (settings.max_tokens, self.context_tokens);
        if prompt_tokens.saturating_add(max_tokens) > context_tokens {
            return Err(LlmError::ContextOverflow { prompt_tokens, max_tokens, context_tokens });
        }
        Ok(())
    }

    #[cfg(not(feature = "vision"))]
    fn answer_seeing(&mut self, _: &Job, _: Instant) -> Result<Generation, LlmError> {
        Err(LlmError::Picture { reason: "this program was built without the feature vision".to_owned() })
    }

    /// Answers a prompt with pictures; nothing of it is remembered.
    #[cfg(feature = "vision")]
    fn answer_seeing(&mut self, job: &Job, started: Instant) -> Result<Generation, LlmError> {
        use crate::vision;
        if self.projector.is_none() {
            let reason = "the model was loaded without a projector (mmproj): it cannot see".to_owned();
            return Err(LlmError::Picture { reason });
        }
        let texts = job.prompt.system.iter().chain(job.prompt.turns.iter().map(|turn| &turn.text));
        if texts.clone().any(|text| text.contains(vision::marker())) {
            return Err(LlmError::ControlToken { token: vision::marker().to_owned() });
        }
        let mut marked = job.prompt.clone();
        if let Some(last) = marked.turns.last_mut() {
            let marks = format!("{}\n", vision::marker()).repeat(job.prompt.pictures.len());
            last.text = format!("{marks}{}", last.text);
        }
        let (head, rest) = self.templated(&marked)?;
        let chooser = Chooser::new(self.model, &job.settings)?;
        let projector = self.projector.as_mut().expect("it was looked at above");
        let chunks = vision::chunks(projector, format!("{head}{rest}"), &job.prompt.pictures)?;
        let prompt_tokens = chunks.total_tokens();
        let (max_tokens, context_tokens) = (job.settings.max_tokens, self.context_tokens);
        if prompt_tokens.saturating_add(max_tokens) > context_tokens {
            return Err(LlmError::ContextOverflow { prompt_tokens, max_tokens, context_tokens });
        }
        self.remembered.clear();
        self.context.clear_kv_cache();
        let next = vision::read(projector, &mut self.context, &chunks, BATCH_TOKENS)?;
        let going = job.tell(Message::Read { done: prompt_tokens, total: prompt_tokens });
        self.write(job, chooser, Read { prompt_tokens, remembered_tokens: 0, next, going }, started)
    }

    /// Writes the answer to a prompt that stands in the context.
    fn write(
        &mut self,
        job: &Job,
        mut chooser: Chooser,
        read: Read,
        started: Instant,
    ) -> Result<Generation, LlmError> {
        let Read { prompt_tokens, remembered_tokens, next, going } = read;
        let max_tokens = job.settings.max_tokens;
        let mut assembler = Assembler::new(&job.settings.stop);
        let mut generated_tokens = 0;
        let prompt_elapsed = started.elapsed();
        let mut finish = if going.is_break() { Some(FinishReason::Cancelled) } else { None };
        while finish.is_none() {
            let token = chooser.choose(&self.context, generated_tokens)?;
            if self.model.vocab().is_eog(token) {
                finish = Some(FinishReason::EndOfText);
                break;
            }
            generated_tokens += 1;
            let released = assembler.push(&self.model.vocab().token_to_piece(token, false, None)).to_string();
            let going = if released.is_empty() {
                ControlFlow::Continue(())
            } else {
                job.tell(Message::Wrote(released))
            };
            finish = if assembler.is_stopped() {
                Some(FinishReason::StopText)
            } else if going.is_break() {
                Some(FinishReason::Cancelled)
            } else if generated_tokens == max_tokens {
                Some(FinishReason::TokenLimit)
            } else {
                self.decode(&[token], next + generated_tokens - 1)?;
                None
            };
        }
        let (text, rest) = assembler.finish();
        let finish = finish.unwrap_or(FinishReason::EndOfText);
        if !rest.is_empty() && finish != FinishReason::Cancelled {
            // The answer is complete: the verdict on its last piece changes nothing.
            let _ = job.tell(Message::Wrote(rest));
        }
        let elapsed = started.elapsed();
        tracing::debug!(generated_tokens, remembered_tokens, elapsed_ms = elapsed.as_millis(), "answered");
        Ok(Generation {
            text,
            prompt_tokens,
            remembered_tokens,
            generated_tokens,
            finish,
            prompt_elapsed,
            elapsed,
        })
    }

    /// Writes the chat as the template has it. Head and rest are always made and read apart, remembered or
    /// not, so that what was asked before cannot change rounding.
    fn tokenize(&self, prompt: &ChatPrompt) -> Result<Tokens, LlmError> {
        let (head, rest) = self.templated(prompt)?;
        let vocabulary = self.model.vocab();
        let head =
            if head.is_empty() { Vec::new() } else { vocabulary.tokenize(head.as_bytes(), true, true) };
        let rest = vocabulary.tokenize(rest.as_bytes(), head.is_empty(), true);
        Ok(Tokens { head, rest })
    }

    /// The chat as the template writes it: the beginning that can be remembered, and the rest.
    fn templated(&self, prompt: &ChatPrompt) -> Result<(String, String), LlmError> {
        let texts = prompt.system.iter().chain(prompt.turns.iter().map(|turn| &turn.text));
        for text in texts {
            if let Some(token) = self.control_tokens.iter().find(|token| text.contains(token.as_str())) {
                return Err(LlmError::ControlToken { token: token.clone() });
            }
        }
        let role = |role| match role {
            Role::User => "user",
            Role::Assistant => "assistant",
        };
        let system = prompt.system.iter().map(|text| ("system", text));
        let turns = prompt.turns.iter().map(|turn| (role(turn.role), &turn.text));
        let messages: Vec<LlamaChatMessage> = system
            .chain(turns)
            .map(|(role, text)| LlamaChatMessage::new(role.to_string(), text.clone()))
            .collect::<Result<_, _>>()
            .map_err(|_| LlmError::ControlToken { token: "NUL".to_string() })?;
        let apply = |messages: &[LlamaChatMessage], open: bool| {
            self.model.apply_chat_template(&self.template, messages, open).map_err(|_| LlmError::ChatTemplate)
        };
        let whole = apply(&messages, true)?;
        let head = match messages.len() {
            1 => String::new(),
            several => apply(&messages[..several - 1], false)?,
        };
        let split = if !head.is_empty() && whole.starts_with(&head) { head.len() } else { 0 };
        let (head, rest) = whole.split_at(split);
        Ok((head.to_owned(), rest.to_owned()))
    }

    /// Brings the prompt into the context; returns how many of its tokens were there already.
    fn read(&mut self, tokens: &Tokens, job: &Job) -> Result<(usize, ControlFlow<()>), LlmError> {
        let total = tokens.head.len() + tokens.rest.len();
        let known =
            !tokens.head.is_empty() && self.remembered == tokens.head && self.forget_after(tokens.head.len());
        let remembered_tokens = if known {
            tokens.head.len()
        } else {
            self.remembered.clear();
            self.context.clear_kv_cache();
            if self.read_part(&tokens.head, 0, total, job)?.is_break() {
                return Ok((0, ControlFlow::Break(())));
            }
            self.remembered.clone_from(&tokens.head);
            0
        };
        let going = self.read_part(&tokens.rest, tokens.head.len(), total, job)?;
        Ok((remembered_tokens, going))
    }

    /// Removes all but the first `kept` tokens from the context; false if the model cannot do that.
    fn forget_after(&mut self, kept: usize) -> bool {
        let Ok(kept) = u32::try_from(kept) else { return false };
        self.context.clear_kv_cache_seq(Some(0), Some(kept), None).unwrap_or(false)
    }

    fn read_part(
        &mut self,
        tokens: &[LlamaToken],
        first: usize,
        total: usize,
        job: &Job,
    ) -> Result<ControlFlow<()>, LlmError> {
        let mut done = first;
        for part in tokens.chunks(BATCH_TOKENS) {
            self.decode(part, done)?;
            done += part.len();
            if job.tell(Message::Read { done, total }).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Computes a part of the text whose first token stands at `first`; the last token's outlook remains.
    fn decode(&mut self, part: &[LlamaToken], first: usize) -> Result<(), LlmError> {
        let failed = |reason: String| LlmError::Decode { reason };
        let mut batch = LlamaBatch::new(part.len(), 1);
        for (place, &token) in part.iter().enumerate() {
            let position = i32::try_from(first + place).expect("the context is smaller than that");
            let is_last = place + 1 == part.len();
            batch.add(token, position, &[0], is_last).map_err(|error| failed(error.to_string()))?;
        }
        let result = self.context.decode(&mut batch).map_err(|error| failed(error.to_string()));
        if result.is_err() {
            self.remembered.clear();
        }
        result
    }
}

/// Chooses the next token.
struct Chooser {
    by_likelihood: LlamaSampler,
    grammar: Option<LlamaSampler>,
}

impl Chooser {
    fn new(model: &LlamaModel, settings: &GenerateSettings) -> Result<Self, LlmError> {
        let by_likelihood = if settings.temperature == 0.0 {
            LlamaSampler::greedy()
        } else {
            let (temperature, draw) =
                (LlamaSampler::temp(settings.temperature), LlamaSampler::dist(settings.seed));
            LlamaSampler::chain_simple([temperature, draw])
        };
        let refuse = |error: llama_cpp_2::GrammarError| LlmError::Grammar { reason: error.to_string() };
        let of_schema = settings.schema.as_ref().map(Gbnf::from_json_schema).transpose()?;
        let grammar = settings
            .grammar
            .as_ref()
            .or(of_schema.as_ref())
            .map(|grammar| LlamaSampler::grammar(model, grammar.as_str(), "root").map_err(refuse))
            .transpose()?;
        Ok(Self { by_likelihood, grammar })
    }

    /// Draws freely first and asks the grammar about that one token; only if it is refused are all tokens
    /// put to the grammar, which is much slower. The outcome has the same distribution.
    fn choose(
        &mut self,
        context: &LlamaContext<'_>,
        generated_tokens: usize,
    ) -> Result<LlamaToken, LlmError> {
        let dead_end = LlmError::DeadEnd { generated_tokens };
        let mut all = context.token_data_array_ith(-1);
        let Some(grammar) = &mut self.grammar else {
            all.apply_sampler(&mut self.by_likelihood);
            return all.selected_token().ok_or(dead_end);
        };
        let mut free = all.clone();
        free.apply_sampler(&mut self.by_likelihood);
        let drawn = free.selected_token().filter(|&token| {
            let mut alone = LlamaTokenDataArray::new(vec![LlamaTokenData::new(token, 1.0, 0.0)], false);
            alone.apply_sampler(grammar);
            alone.data[0].logit().is_finite()
        });
        let token = match drawn {
            Some(token) => token,
            None => {
                all.apply_sampler(grammar);
                all.data.retain(|candidate| candidate.logit().is_finite());
                if all.data.is_empty() {
                    return Err(dead_end);
                }
                all.apply_sampler(&mut self.by_likelihood);
                all.selected_token().ok_or(dead_end)?
            }
        };
        grammar.try_accept(token).map_err(|error| LlmError::Grammar { reason: error.to_string() })?;
        Ok(token)
    }
}

/// llama.cpp is started once in a process and stays. What it says goes to `tracing` (target
/// `llama-cpp-2`) if debug messages are wanted, and nowhere otherwise; never to the terminal.
pub(crate) fn backend() -> Result<&'static LlamaBackend, LlmError> {
    static BACKEND: OnceLock<Option<LlamaBackend>> = OnceLock::new();
    let start = || {
        let wanted = tracing::enabled!(target: "llama-cpp-2", tracing::Level::DEBUG);
        llama_cpp_2::send_logs_to_tracing(LogOptions::default().with_logs_enabled(wanted));
        LlamaBackend::init().ok()
    };
    BACKEND.get_or_init(start).as_ref().ok_or(LlmError::Backend)
}

pub(crate) fn load(backend: &LlamaBackend, path: &Path, gpu_layers: u32) -> Result<LlamaModel, LlmError> {
    if gpu_layers > 0 && !backend.supports_gpu_offload() {
        return Err(LlmError::NoGpu { layers: gpu_layers });
    }
    let parameters = LlamaModelParams::default().with_n_gpu_layers(gpu_layers);
    LlamaModel::load_from_file(backend, path, &parameters)
        .map_err(|_| LlmError::Load { path: path.to_path_buf() })
}

fn facts(model: &LlamaModel) -> ModelFacts {
    ModelFacts {
        parameters: model.n_params(),
        bytes: model.size(),
        trained_context_tokens: model.n_ctx_train(),
        title: model.meta_val_str("general.name").ok(),
        license: model.meta_val_str("general.license").ok(),
    }
}

/// A loader who is gone needs no report.
fn report(ready: &Sender<Result<ModelFacts, LlmError>>, result: Result<ModelFacts, LlmError>) {
    drop(ready.send(result));
}
