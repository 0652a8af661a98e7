//! A real browser without a screen, driven over `DevTools`: named pipes carry its messages, each a
//! JSON text and a NUL.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::Instant;

use crate::support::{PATIENCE, eventually, pause};

/// With this variable a machine without a browser fails the tests instead of skipping them.
const REQUIRED: &str = "RUNNER_REQUIRES_CHROMIUM";
const NAMES: &[&str] = &["chromium", "chromium-browser", "google-chrome"];
/// A browser that needs nothing of the machine, and asks nobody for anything on its own.
const FLAGS: &[&str] = &[
    "--headless=new",
    "--remote-debugging-pipe",
    "--no-sandbox",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--disable-breakpad",
    "--disable-features=Translate,MediaRouter,OptimizationHints",
    "--password-store=basic",
    "--use-mock-keychain",
    "--mute-audio",
];

/// A browser with one page; it ends, and its profile goes, when this is dropped.
pub(crate) struct Browser {
    child: Child,
    to: File,
    from: Receiver<Value>,
    /// All that it told without being asked.
    events: Vec<Value>,
    session: Option<String>,
    last: u64,
    _profile: TempDir,
}

/// The browser of this machine.
fn binary() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let mut places = std::env::split_paths(&path)
        .flat_map(|folder| NAMES.iter().map(move |name| folder.join(name)));
    places.find(|place| place.is_file())
}

impl Browser {
    /// Starts it with a window of this size. Where there is none the test that wants it is skipped,
    /// which is said aloud, unless the variable says that there must be one.
    #[expect(clippy::print_stderr, reason = "a test that shows nothing has to say so")]
    pub(crate) fn start(width: u32, height: u32) -> Option<Self> {
        let Some(binary) = binary() else {
            assert!(
                std::env::var_os(REQUIRED).is_none(),
                "{REQUIRED} is set, and there is none of {NAMES:?}"
            );
            eprintln!(
                "SKIPPED: no browser among {NAMES:?}; install `chromium` to have this tested"
            );
            return None;
        };
        let profile = tempfile::tempdir().expect("a folder");
        let mut browser = Self::launch(&binary, profile);
        let target =
            browser.call("Target.createTarget", &json!({"url": "about:blank"}))["targetId"].clone();
        let attached =
            browser.call("Target.attachToTarget", &json!({"targetId": target, "flatten": true}));
        browser.session = attached["sessionId"].as_str().map(str::to_owned);
        for domain in ["Runtime.enable", "Log.enable", "Page.enable", "Network.enable"] {
            browser.call(domain, &json!({}));
        }
        browser.resize(width, height);
        Some(browser)
    }

    fn launch(binary: &Path, profile: TempDir) -> Self {
        let (input, output) = (profile.path().join("in"), profile.path().join("out"));
        let made = Command::new("mkfifo").args([&input, &output]).status().expect("mkfifo runs");
        assert!(made.success(), "mkfifo makes two pipes");
        let child = Command::new("sh")
            .args(["-c", "exec \"$@\" 3<\"$IN\" 4>\"$OUT\"", "sh"])
            .arg(binary)
            .args(FLAGS)
            .arg(format!("--user-data-dir={}", profile.path().join("profile").display()))
            .env("IN", &input)
            .env("OUT", &output)
            .env("HOME", profile.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(profile.path().join("stderr")).expect("a file"))
            .spawn()
            .expect("a shell starts");
        // Each of these waits until the shell has opened the other end.
        let to = OpenOptions::new().write(true).open(&input).expect("the pipe opens");
        let from = listen(File::open(&output).expect("the pipe opens"));
        Self { child, to, from, events: Vec::new(), session: None, last: 0, _profile: profile }
    }

    /// Gives the window this size; less than 500 wide is a phone.
    pub(crate) fn resize(&mut self, width: u32, height: u32) {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500});
        self.call("Emulation.setDeviceMetricsOverride", &size);
    }

    /// Asks for dark or light, as the settings of a machine do.
    pub(crate) fn prefer(&mut self, scheme: &str) {
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.call("Emulation.setEmulatedMedia", &features);
    }

    /// Opens a file, and waits until all of it is read and drawn; the time until the first draw.
    pub(crate) fn open(&mut self, file: &Path, hash: &str) -> Duration {
        // A page that is there already would only change its address.
        self.call("Page.navigate", &json!({"url": "about:blank"}));
        self.events.clear();
        let begun = Instant::now();
        self.call("Page.navigate", &json!({"url": format!("file://{}{hash}", file.display())}));
        self.until("document.documentElement?.dataset.drawn !== undefined");
        let drawn = begun.elapsed();
        self.until("document.readyState === 'complete'");
        drawn
    }

    /// What an expression is, or becomes, as JSON.
    #[track_caller]
    pub(crate) fn eval(&mut self, expression: &str) -> Value {
        let asked = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let told = self.call("Runtime.evaluate", &asked);
        assert!(told["exceptionDetails"].is_null(), "{expression}: {told}");
        told["result"]["value"].clone()
    }

    /// Waits until an expression is true.
    #[track_caller]
    pub(crate) fn until(&mut self, expression: &str) {
        eventually(expression, || {
            let asked = json!({"expression": expression, "returnByValue": true});
            self.call("Runtime.evaluate", &asked)["result"]["value"] == true
        });
    }

    /// What the first element of a selector says.
    #[track_caller]
    pub(crate) fn text(&mut self, selector: &str) -> String {
        let quoted = Value::from(selector);
        let told = self.eval(&format!("document.querySelector({quoted})?.innerText ?? null"));
        told.as_str().unwrap_or_else(|| panic!("there is no `{selector}`")).to_owned()
    }

    /// How many elements a selector has.
    #[track_caller]
    pub(crate) fn count(&mut self, selector: &str) -> u64 {
        let quoted = Value::from(selector);
        self.eval(&format!("document.querySelectorAll({quoted}).length")).as_u64().expect("a count")
    }

    /// Clicks the middle of the first element of a selector, as a mouse does.
    #[track_caller]
    pub(crate) fn click(&mut self, selector: &str) {
        let quoted = Value::from(selector);
        let place = self.eval(&format!(
            "(() => {{ const e = document.querySelector({quoted}); e.scrollIntoView({{ block: 'center' }}); \
             const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; }})()"
        ));
        for kind in ["mousePressed", "mouseReleased"] {
            let event = json!({"type": kind, "x": place[0], "y": place[1], "button": "left", "clickCount": 1});
            self.call("Input.dispatchMouseEvent", &event);
        }
    }

    /// Chooses an option of a list.
    #[track_caller]
    pub(crate) fn choose(&mut self, selector: &str, value: &str) {
        let (selector, value) = (Value::from(selector), Value::from(value));
        let chosen = self.eval(&format!(
            "(() => {{ const e = document.querySelector({selector}); e.value = {value}; \
             e.dispatchEvent(new Event('change', {{ bubbles: true }})); return e.value; }})()"
        ));
        assert_eq!(chosen, value, "there is such an option");
    }

    /// Presses a key, such as `j` or `Escape`.
    pub(crate) fn press(&mut self, key: &str) {
        let text = if key.chars().count() == 1 { key } else { "" };
        let text = if key == "Enter" { "\r" } else { text };
        let code = match key {
            "Escape" => 27,
            "Enter" => 13,
            _ => 0,
        };
        let event = |kind: &str| json!({"type": kind, "key": key, "text": text, "windowsVirtualKeyCode": code});
        self.call("Input.dispatchKeyEvent", &event("keyDown"));
        self.call(
            "Input.dispatchKeyEvent",
            &json!({"type": "keyUp", "key": key, "windowsVirtualKeyCode": code}),
        );
    }

    /// Types into what has the focus.
    pub(crate) fn write(&mut self, text: &str) {
        self.call("Input.insertText", &json!({"text": text}));
    }

    /// Panics if the page since it was opened wrote to the console, broke, or asked for anything
    /// but itself.
    #[track_caller]
    pub(crate) fn expect_quiet(&mut self) {
        // Whatever is on its way comes before the answer to this.
        self.eval("new Promise((done) => setTimeout(done, 50))");
        let is_trouble = |event: &&Value| match event["method"].as_str().unwrap_or_default() {
            "Runtime.exceptionThrown"
            | "Runtime.consoleAPICalled"
            | "Log.entryAdded"
            | "Page.javascriptDialogOpening" => true,
            "Network.requestWillBeSent" => event["params"]["type"] != "Document",
            _ => false,
        };
        let troubles: Vec<&Value> = self.events.iter().filter(is_trouble).collect();
        assert!(troubles.is_empty(), "{troubles:#?}");
    }

    #[track_caller]
    fn call(&mut self, method: &str, params: &Value) -> Value {
        self.last += 1;
        let mut message = json!({"id": self.last, "method": method, "params": params});
        if let Some(session) = &self.session {
            message["sessionId"] = session.as_str().into();
        }
        let sent = self.to.write_all(format!("{message}\0").as_bytes());
        sent.unwrap_or_else(|error| panic!("{method}: {error}"));
        loop {
            let told = self.from.recv_timeout(PATIENCE);
            let told = told.unwrap_or_else(|error| panic!("{method}: {error}"));
            if told["id"] != self.last {
                self.events.push(told);
                continue;
            }
            assert!(told["error"].is_null(), "{method}: {told}");
            return told["result"].clone();
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It ends by itself when it is asked; what does not is killed.
        let _ = self.to.write_all(b"{\"id\":0,\"method\":\"Browser.close\"}\0");
        for _ in 0..100 {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            pause(Duration::from_millis(50));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The messages that come out of a pipe.
fn listen(pipe: File) -> Receiver<Value> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let messages = BufReader::new(pipe).split(0);
        for message in messages.map_while(Result::ok) {
            let Ok(message) = serde_json::from_slice(&message) else { break };
            if sender.send(message).is_err() {
                break;
            }
        }
    });
    receiver
}
