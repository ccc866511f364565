use std::ops::ControlFlow;

use crate::{ChatPrompt, GenerateSettings, Generation, LlmError, Picture, Progress, TextModel};

/// A model that is shown a picture with every prompt.
#[derive(Debug)]
pub struct Seeing<M> {
    inner: M,
    picture: Picture,
}

impl<M: TextModel> Seeing<M> {
    /// Puts `picture` before the words of each prompt's last turn.
    pub const fn new(inner: M, picture: Picture) -> Self {
        Self { inner, picture }
    }
}

impl<M: TextModel> TextModel for Seeing<M> {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn generate(
        &self,
        prompt: &ChatPrompt,
        settings: &GenerateSettings,
        on_progress: &mut dyn FnMut(Progress<'_>) -> ControlFlow<()>,
    ) -> Result<Generation, LlmError> {
        self.inner.generate(&prompt.clone().with_picture(self.picture.clone()), settings, on_progress)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Scripted, silent};

    #[test]
    fn each_prompt_gets_the_picture_and_keeps_its_words() {
        let picture = Picture::gray(1, 1, &[7]).expect("a pixel");
        let scripted = Scripted::new("script", ["a", "b"]);
        let model = Seeing::new(&scripted, picture.clone());
        let prompt = ChatPrompt::ask("What is seen?");
        for _ in 0..2 {
            model.generate(&prompt, &GenerateSettings::greedy(4), &mut silent).expect("it answers");
        }
        assert_eq!(scripted.prompts(), vec![prompt.with_picture(picture); 2]);
        assert_eq!(model.name(), "script");
    }
}
