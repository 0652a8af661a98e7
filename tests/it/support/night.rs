//! The folder of a run that took place, made without calling anybody.

use std::path::PathBuf;

use serde_json::{Map, Value, json};

use crate::support::job::JobDir;

const RUN: &str = "20261122T020000Z-1a2b";

/// A run in the making, in which the same prompts are asked of these models.
pub(crate) struct Night {
    models: Vec<&'static str>,
    rows: Vec<Value>,
    /// How the run ended; null while it goes on.
    pub(crate) ended: Option<&'static str>,
    /// Tasks without an outcome.
    pub(crate) left: usize,
    /// Lines of the journal that nobody can read.
    pub(crate) damaged: usize,
    /// As `run.json` has them.
    pub(crate) scorers: Value,
    pub(crate) gates: Value,
}

impl Night {
    pub(crate) fn of(models: &[&'static str]) -> Self {
        Self {
            models: models.to_vec(),
            rows: Vec::new(),
            ended: Some("done"),
            left: 0,
            damaged: 0,
            scorers: json!([]),
            gates: json!([]),
        }
    }

    /// One more prompt, and what each model says.
    pub(crate) fn prompt(&mut self, set: &str, asked: &str, answers: &[&str]) -> &mut Self {
        let number = self.rows.len() / self.models.len() + 1;
        for (nth, answer) in answers.iter().enumerate() {
            self.rows.push(row(
                self.rows.len(),
                set,
                &number.to_string(),
                self.models[nth],
                asked,
                answer,
            ));
        }
        self
    }

    /// Changes the last answer of a model.
    pub(crate) fn change(&mut self, model: &str, more: &Value) -> &mut Self {
        let last =
            self.rows.iter_mut().rfind(|row| row["model"] == model).expect("it has an answer");
        merge(last, more);
        self
    }

    /// Turns the last answer of a model into a failure.
    pub(crate) fn fail(&mut self, model: &str, kind: &str, message: &str) -> &mut Self {
        let error = json!({"type": kind, "message": message, "http_status": null, "provider_code": null, "retryable": true});
        self.change(model, &json!({
            "status": "error", "response": null, "usage": null, "cost_usd": null, "cost_status": "no_answer",
            "scores": {}, "error": error,
        }))
    }

    /// Writes the run's folder and its reports, and gives the page.
    pub(crate) fn page(&self, dir: &JobDir) -> PathBuf {
        let folder = format!("runs/nightly/{RUN}");
        let lines = self.rows.iter().enumerate().map(|(index, row)| {
            let line = row.to_string();
            let line = line.strip_suffix('}').expect("an object");
            format!("{line},\"journal\":{{\"index\":{index},\"tries\":[]}}}}\n")
        });
        let damaged = "\0\0\n".repeat(self.damaged);
        dir.write(&format!("{folder}/journal.jsonl"), damaged + &lines.collect::<String>());
        let ended_at = self.ended.map(|_| "2026-11-22T02:03:25.000Z");
        let manifest = json!({
            "v": 1, "runner_version": "0.1.0", "job": "nightly", "run": RUN, "job_hash": "ab12",
            "tags": {"team": "search"}, "tasks": self.rows.len() + self.left,
            "scorers": self.scorers, "gates": self.gates,
            "sessions": [{"started_at": "2026-11-22T02:00:00.000Z", "ended_at": ended_at, "ended": self.ended, "options": {}}],
        });
        dir.write(&format!("{folder}/run.json"), manifest.to_string());
        dir.write(&format!("{folder}/job.toml"), "name = \"nightly\"\n");
        dir.run(&["report", &folder]).expect_code(0);
        dir.path().join(folder).join("report.html")
    }
}

fn row(index: usize, set: &str, name: &str, model: &str, asked: &str, answer: &str) -> Value {
    let message = json!({"role": "assistant", "content": answer});
    let tokens = json!({"prompt_tokens": 60, "completion_tokens": 20, "total_tokens": 80});
    let mut usage = tokens.clone();
    merge(
        &mut usage,
        &json!({"cached_tokens": null, "cache_write_tokens": null, "reasoning_tokens": null, "source": "provider"}),
    );
    json!({
        "v": 1, "task": format!("{index:032x}"), "job": "nightly", "run": RUN, "prompt": set, "row": name,
        "repeat": 0, "model": model, "variant": null, "model_used": format!("lab/{model}"), "provider": "lab",
        "status": "ok", "messages": [{"role": "user", "content": asked}], "params": {}, "dropped_params": [],
        "response": {"id": "c", "object": "chat.completion", "created": 0, "model": model,
            "choices": [{"index": 0, "finish_reason": "stop", "message": message}], "usage": tokens},
        "finish_reason_raw": "stop", "usage": usage, "cost_usd": "0.000042", "cost_status": "known",
        "price_version": "job", "latency_ms": 200 + index % 7 * 100, "ttft_ms": 40, "queued_ms": 5,
        "started_at": "2026-11-22T02:00:01.000Z", "attempts": 1, "request_id": format!("req-{index}"),
        "scores": {}, "error": null, "tags": {},
    })
}

fn merge(into: &mut Value, more: &Value) {
    let empty = Map::new();
    let more = more.as_object().unwrap_or(&empty).clone();
    into.as_object_mut().expect("an object").extend(more);
}
