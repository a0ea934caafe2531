//! What a hand would do, as text: it brings the editor into a state before a picture of it is taken.

use std::str::FromStr;
use std::time::Duration;

use egui::{Event, Key, Modifiers, PointerButton, Pos2};
use thiserror::Error;

use crate::command::Action;

/// How a script is written, for help.
pub const HELP: &str = "\
Steps with `;` between them:
  do ACTION            an action by name, such as AddNode or \"Zoom to fit\"
  select NODE ...      select these nodes and no others
  reveal NODE          select a node and bring it into view
  press LABEL          click on what has this label
  click X,Y            click there, in points from the top left; also right-click, double-click
  move X,Y             move the pointer there
  drag X,Y X,Y         drag from there to there
  type TEXT            type text
  key KEYS             press keys, such as Enter or Ctrl+Shift+P
  wait SECS            let so much time pass, at most 600 s
  wait-picture         wait until a node shows a picture, at most 120 s";

/// The longest wait, in seconds.
const MAX_WAIT_SECS: f64 = 600.0;

/// One step of a script.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Does an action.
    Do(Action),
    /// Selects these nodes and no others.
    Select(Vec<String>),
    /// Selects a node and brings it into view.
    Reveal(String),
    /// Clicks on what has this label.
    Press(String),
    /// What comes in, frame by frame.
    Input(Vec<Vec<Event>>),
    /// Lets time pass.
    Wait(Duration),
    /// Waits until a node shows a picture.
    WaitPicture,
}

/// Steps, in order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Script(pub Vec<Step>);

/// Why a script is none.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{step}`: {why}")]
pub struct ScriptError {
    step: String,
    why: String,
}

impl FromStr for Script {
    type Err = ScriptError;

    fn from_str(text: &str) -> Result<Self, ScriptError> {
        let steps = text.split([';', '\n']).map(str::trim).filter(|step| !step.is_empty());
        let parse =
            |step: &str| parse_step(step).map_err(|why| ScriptError { step: step.to_owned(), why });
        Ok(Self(steps.map(parse).collect::<Result<_, _>>()?))
    }
}

fn parse_step(step: &str) -> Result<Step, String> {
    let (name, rest) = step.split_once(char::is_whitespace).unwrap_or((step, ""));
    let rest = rest.trim();
    let words = || rest.split_whitespace();
    if rest.is_empty() && !matches!(name, "wait-picture" | "select") {
        return Err(format!("`{name}` needs something after it, or is no step"));
    }
    match name {
        "do" => parse_action(rest).map(Step::Do),
        "select" => Ok(Step::Select(words().map(str::to_owned).collect())),
        "reveal" => Ok(Step::Reveal(rest.to_owned())),
        "press" => Ok(Step::Press(unquoted(rest).to_owned())),
        "click" => Ok(Step::Input(click(parse_place(rest)?, PointerButton::Primary, 1))),
        "right-click" => Ok(Step::Input(click(parse_place(rest)?, PointerButton::Secondary, 1))),
        "double-click" => Ok(Step::Input(click(parse_place(rest)?, PointerButton::Primary, 2))),
        "move" => Ok(Step::Input(vec![vec![Event::PointerMoved(parse_place(rest)?)]])),
        "drag" => {
            let (from, to) = rest.split_once(char::is_whitespace).ok_or("needs two places")?;
            Ok(Step::Input(drag(parse_place(from)?, parse_place(to.trim())?)))
        }
        "type" => Ok(Step::Input(vec![vec![Event::Text(unquoted(rest).to_owned())]])),
        "key" => parse_keys(rest).map(Step::Input),
        "wait" => match rest.parse::<f64>() {
            Ok(secs) if (0.0..=MAX_WAIT_SECS).contains(&secs) => {
                Ok(Step::Wait(Duration::from_secs_f64(secs)))
            }
            _ => Err(format!("give the seconds, 0 to {MAX_WAIT_SECS}")),
        },
        "wait-picture" => Ok(Step::WaitPicture),
        _ => Err("no such step; --help lists them".to_owned()),
    }
}

fn unquoted(text: &str) -> &str {
    text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text)
}

/// An action by its name in the program or in the menu, however it is spelt.
fn parse_action(name: &str) -> Result<Action, String> {
    let plain = |text: &str| -> String {
        text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
    };
    let asked = plain(name);
    let is_it =
        |action: &&Action| asked == plain(&format!("{action:?}")) || asked == plain(action.label());
    Action::ALL.iter().find(is_it).copied().ok_or_else(|| {
        let names: Vec<_> = Action::ALL.iter().map(|action| format!("{action:?}")).collect();
        format!("no such action; there are {}", names.join(", "))
    })
}

fn parse_place(text: &str) -> Result<Pos2, String> {
    let help = || format!("`{text}` is no place: write it as X,Y in points");
    let (x, y) = text.split_once(',').ok_or_else(help)?;
    let part = |s: &str| s.trim().parse::<f32>().ok().filter(|v| v.is_finite()).ok_or_else(help);
    Ok(Pos2::new(part(x)?, part(y)?))
}

fn parse_keys(text: &str) -> Result<Vec<Vec<Event>>, String> {
    let mut modifiers = Modifiers::NONE;
    let (before, name) = match text.rsplit_once('+') {
        Some((before, name)) if !name.is_empty() => (before, name),
        _ => ("", text),
    };
    for word in before.split('+').filter(|word| !word.is_empty()) {
        modifiers |= match word.to_lowercase().as_str() {
            "ctrl" | "cmd" | "command" => Modifiers::COMMAND,
            "shift" => Modifiers::SHIFT,
            "alt" => Modifiers::ALT,
            _ => return Err(format!("`{word}` is none of Ctrl, Shift, Alt")),
        };
    }
    // Where the command key is the control key, both are down.
    modifiers.ctrl |= modifiers.command && !cfg!(target_os = "macos");
    let key = Key::from_name(name).ok_or_else(|| format!("there is no key `{name}`"))?;
    let event = |pressed| {
        let repeat = false;
        vec![Event::Key { key, physical_key: None, pressed, repeat, modifiers }]
    };
    Ok(vec![event(true), event(false)])
}

fn button(pos: Pos2, button: PointerButton, pressed: bool) -> Event {
    Event::PointerButton { pos, button, pressed, modifiers: Modifiers::NONE }
}

/// The pointer goes there, rests for a frame, and clicks.
pub(crate) fn click(pos: Pos2, with: PointerButton, times: usize) -> Vec<Vec<Event>> {
    let mut frames = vec![vec![Event::PointerMoved(pos)]];
    for _ in 0..times {
        frames.extend([true, false].map(|pressed| vec![button(pos, with, pressed)]));
    }
    frames
}

fn drag(from: Pos2, to: Pos2) -> Vec<Vec<Event>> {
    const NUM_FRAMES: u8 = 8;
    let with = PointerButton::Primary;
    let mut frames = vec![vec![Event::PointerMoved(from)], vec![button(from, with, true)]];
    let at = |i: u8| from.lerp(to, f32::from(i) / f32::from(NUM_FRAMES));
    frames.extend((1..=NUM_FRAMES).map(|i| vec![Event::PointerMoved(at(i))]));
    frames.push(vec![button(to, with, false)]);
    frames
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(text: &str) -> Vec<Step> {
        text.parse::<Script>().unwrap().0
    }

    #[test]
    fn steps_are_read_in_order() {
        let read = steps("select chroma_1 level; do AddNode;\n type blur; wait 1.5; wait-picture;");
        assert_eq!(read[0], Step::Select(vec!["chroma_1".into(), "level".into()]));
        assert_eq!(read[1], Step::Do(Action::AddNode));
        assert_eq!(read[2], Step::Input(vec![vec![Event::Text("blur".into())]]));
        assert_eq!(read[3], Step::Wait(Duration::from_millis(1_500)));
        assert_eq!(read[4..], [Step::WaitPicture]);
    }

    #[test]
    fn every_action_is_found_by_both_names() {
        for action in Action::ALL {
            assert_eq!(steps(&format!("do {action:?}")), [Step::Do(*action)]);
            assert_eq!(steps(&format!("do {}", action.label())), [Step::Do(*action)]);
        }
    }

    #[test]
    fn a_click_moves_presses_and_lets_go_and_keys_carry_their_modifiers() {
        let Step::Input(frames) = &steps("double-click 10, 20.5")[0] else { panic!() };
        assert_eq!(frames.len(), 5);
        assert_eq!(frames[0], [Event::PointerMoved(Pos2::new(10.0, 20.5))]);
        let Step::Input(frames) = &steps("key Ctrl+Shift+P")[0] else { panic!() };
        let [Event::Key { key, modifiers, pressed: true, .. }] = &frames[0][..] else { panic!() };
        assert_eq!(*key, Key::P);
        assert!(modifiers.matches_exact(Modifiers::COMMAND | Modifiers::SHIFT));
        let Step::Input(frames) = &steps("drag 0,0 80,40")[0] else { panic!() };
        assert_eq!(frames[2], [Event::PointerMoved(Pos2::new(10.0, 5.0))]);
    }

    #[test]
    fn what_is_no_step_is_told() {
        let bad = "fly; do Fly; click 3; wait -1; wait 1e9; key Hyper+P; key Nokey; drag 1,1; type";
        for text in bad.split(';') {
            let error = text.parse::<Script>().unwrap_err().to_string();
            assert!(error.contains(text.trim()), "{error}");
        }
    }
}
