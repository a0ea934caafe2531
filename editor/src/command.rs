//! What a person can ask of the editor, wherever it is asked: menu, key, palette, mouse.

use std::path::PathBuf;

use egui::{Key, KeyboardShortcut, Modifiers};
use lumawire_core::{Edit, FileKind};
use lumawire_runtime::control::Event;
use lumawire_runtime::probe::OutputId;

use crate::canvas::End;
use crate::files::{Ask, Recovered};
use crate::session::Sound;

/// Something to be done after the frame in which it was asked.
#[derive(Debug, Clone)]
pub enum Command {
    /// One of the named actions.
    Do(Action),
    /// Changes the patch.
    Edit {
        /// The change.
        edit: Edit,
        /// What undo calls it.
        label: String,
        /// The same for all edits of one drag, which undo takes back as one.
        gesture: Option<u64>,
    },
    /// Steers the show without changing the patch.
    Send(Event),
    /// Selects these nodes and no others.
    Select(Vec<String>),
    /// Selects a node and brings it into view, into whatever group it is.
    Reveal(String),
    /// Opens the browser of files for a parameter.
    ChooseFile {
        /// The node.
        node: String,
        /// Its parameter.
        param: String,
        /// What it takes.
        kind: FileKind,
    },
    /// Opens the palette for a node at this place of the canvas, to be wired to an end that was
    /// dropped there.
    OpenPalette {
        /// Where, in points of the canvas.
        at: [f32; 2],
        /// The wire's other end.
        drop: Option<End>,
    },
    /// Shows this output in the preview, or the patch's own again.
    Solo(Option<OutputId>),
    /// Opens a patch, after asking about unsaved changes.
    Open(PathBuf),
    /// Opens a copy of a patch without a file of its own: an example, a template.
    OpenCopy(PathBuf),
    /// Opens what a crash left.
    Recover(Recovered),
    /// Asks the person for a file.
    Ask(Ask),
    /// Leaves the patch as it is although its file has become another.
    KeepMine,
    /// Renders to this file: the answer to the question for one.
    RenderTo(PathBuf),
    /// Saves to this file, which is the patch's from then on.
    SaveTo(PathBuf),
    /// Hears something else.
    Hear(Sound),
    /// Tells the person something, for a few seconds.
    Tell(String),
}

impl Command {
    /// An edit of its own.
    pub fn edit(edit: Edit, label: impl Into<String>) -> Self {
        Self::Edit { edit, label: label.into(), gesture: None }
    }

    /// Whether it closes the open patch, so that the person is asked about unsaved changes first.
    pub fn closes(&self) -> bool {
        matches!(
            self,
            Self::Do(Action::New | Action::Quit)
                | Self::Open(_)
                | Self::OpenCopy(_)
                | Self::Recover(_)
        )
    }

    /// An edit of a drag.
    pub fn drag(edit: Edit, label: impl Into<String>, gesture: u64) -> Self {
        Self::Edit { edit, label: label.into(), gesture: Some(gesture) }
    }
}

macro_rules! actions {
    ($($(#[doc = $doc:literal])+ $name:ident $label:literal $menu:ident $shortcut:expr;)+) => {
        /// An action by name: what menus, keys and the command palette offer.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Action { $($(#[doc = $doc])+ $name,)+ }

        impl Action {
            /// All of them, in the order of the menus.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// What menus call it.
            pub fn label(self) -> &'static str {
                match self { $(Self::$name => $label,)+ }
            }

            /// What it does, in a sentence.
            pub fn doc(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),+).trim_ascii(),)+ }
            }

            /// The menu that it is in.
            pub fn menu(self) -> Menu {
                match self { $(Self::$name => Menu::$menu,)+ }
            }

            /// Its keys.
            pub fn shortcut(self) -> Option<KeyboardShortcut> {
                match self { $(Self::$name => $shortcut,)+ }
            }
        }
    };
}

/// The menus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)] // their names say it
pub enum Menu {
    File,
    Edit,
    Node,
    View,
    Show,
    Help,
}

impl Menu {
    /// All of them, in order.
    pub const ALL: &[Self] =
        &[Self::File, Self::Edit, Self::Node, Self::View, Self::Show, Self::Help];

    /// Its name.
    pub fn label(self) -> &'static str {
        match self {
            Self::File => "File",
            Self::Edit => "Edit",
            Self::Node => "Node",
            Self::View => "View",
            Self::Show => "Show",
            Self::Help => "Help",
        }
    }
}

const fn key(key: Key) -> Option<KeyboardShortcut> {
    Some(KeyboardShortcut::new(Modifiers::NONE, key))
}

const fn command(key: Key) -> Option<KeyboardShortcut> {
    Some(KeyboardShortcut::new(Modifiers::COMMAND, key))
}

const fn shifted(key: Key) -> Option<KeyboardShortcut> {
    Some(KeyboardShortcut::new(Modifiers::COMMAND.plus(Modifiers::SHIFT), key))
}

actions! {
    /// Begins an empty patch.
    New "New" File command(Key::N);
    /// Begins with one of the templates.
    NewFromTemplate "New from template…" File shifted(Key::N);
    /// Opens a patch.
    Open "Open…" File command(Key::O);
    /// Shows the shipped patches with their pictures.
    Examples "Examples…" File command(Key::E);
    /// Writes the patch to its file.
    Save "Save" File command(Key::S);
    /// Writes the patch to another file.
    SaveAs "Save as…" File shifted(Key::S);
    /// Renders the patch to a file.
    Render "Render…" File command(Key::R);
    /// Closes the window.
    Quit "Quit" File command(Key::Q);
    /// Takes back the last change.
    Undo "Undo" Edit command(Key::Z);
    /// Makes the change again that was taken back.
    Redo "Redo" Edit shifted(Key::Z);
    /// Copies the selected nodes and removes them.
    Cut "Cut" Edit command(Key::X);
    /// Copies the selected nodes as patch text, also for other windows.
    Copy "Copy" Edit command(Key::C);
    /// Puts the copied nodes at the pointer.
    Paste "Paste" Edit command(Key::V);
    /// Copies the selected nodes and puts the copies beside them.
    Duplicate "Duplicate" Edit command(Key::D);
    /// Removes the selected nodes; what they passed on is wired together where types fit.
    Delete "Delete" Edit key(Key::Delete);
    /// Selects all nodes in view of this group.
    SelectAll "Select all" Edit command(Key::A);
    /// Finds a node of the patch.
    Find "Find…" Edit command(Key::F);
    /// Adds a node.
    AddNode "Add node…" Node key(Key::Tab);
    /// Wires the selected node to another, or cuts one of its wires.
    Wire "Wire to…" Node key(Key::W);
    /// Renames the selected node.
    Rename "Rename" Node key(Key::F2);
    /// Lets pass what comes into the selected nodes.
    Bypass "Bypass" Node key(Key::B);
    /// Silences the selected nodes.
    Mute "Mute" Node key(Key::M);
    /// Shows the selected node's picture in the preview.
    Solo "Solo preview" Node key(Key::P);
    /// Folds the selected nodes to their titles.
    Collapse "Collapse" Node key(Key::C);
    /// Puts the selected nodes into a group.
    Group "Group" Node command(Key::G);
    /// Takes the selected groups apart.
    Ungroup "Ungroup" Node shifted(Key::G);
    /// Opens the selected group.
    EnterGroup "Enter group" Node key(Key::Enter);
    /// Goes back to what the open group is in.
    LeaveGroup "Leave group" Node key(Key::Escape);
    /// Draws a titled frame around the selected nodes.
    Frame "Frame" Node shifted(Key::F);
    /// Lines up the left edges of the selected nodes.
    AlignLeft "Align left" Node shifted(Key::ArrowLeft);
    /// Lines up the upper edges of the selected nodes.
    AlignTop "Align top" Node shifted(Key::ArrowUp);
    /// Spreads the selected nodes evenly from left to right.
    DistributeAcross "Distribute across" Node shifted(Key::ArrowRight);
    /// Spreads the selected nodes evenly from top to bottom.
    DistributeDown "Distribute down" Node shifted(Key::ArrowDown);
    /// Arranges the nodes from left to right as the signal flows.
    Arrange "Arrange" Node key(Key::L);
    /// Shows all nodes.
    ZoomToFit "Zoom to fit" View key(Key::F);
    /// Shows the selected nodes.
    ZoomToSelection "Zoom to selection" View shifted(Key::E);
    /// Shows the nodes at their true size.
    ZoomToOne "Zoom to 100 %" View command(Key::Num0);
    /// Makes everything larger.
    Larger "Larger interface" View command(Key::Equals);
    /// Makes everything smaller.
    Smaller "Smaller interface" View command(Key::Minus);
    /// Shows or hides the small map.
    Minimap "Minimap" View key(Key::N);
    /// Shows or hides the pictures and curves on nodes.
    Previews "Previews on nodes" View key(Key::V);
    /// Shows or hides the inspector.
    Inspector "Inspector" View key(Key::I);
    /// Shows or hides the list of what is wrong.
    Problems "Problems" View shifted(Key::M);
    /// Shows or hides the output's window.
    OutputWindow "Output window" View shifted(Key::O);
    /// Fills a screen with the output.
    OutputFullscreen "Output full screen" View key(Key::F11);
    /// Plays or pauses the sound file.
    PlayPause "Play or pause" Show key(Key::Space);
    /// Goes to the beginning of the sound file.
    Rewind "To the beginning" Show key(Key::Home);
    /// Goes back by five seconds.
    Back "Back 5 s" Show shifted(Key::Comma);
    /// Goes on by five seconds.
    Forward "Forward 5 s" Show shifted(Key::Period);
    /// Turns the loop region on or off.
    Loop "Loop" Show command(Key::L);
    /// Turns the output black, or back.
    Blackout "Blackout" Show shifted(Key::B);
    /// Holds the output's picture, or lets it go.
    Freeze "Freeze" Show shifted(Key::H);
    /// Goes to the next cue.
    NextCue "Next cue" Show shifted(Key::Space);
    /// Lists every action; type to find one.
    CommandPalette "Commands…" Help shifted(Key::P);
    /// Lists the keys.
    Shortcuts "Keyboard shortcuts" Help key(Key::F1);
    /// Says what this is.
    About "About Lumawire" Help None;
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_actions_share_keys_or_names() {
        let mut keys = BTreeSet::new();
        let mut labels = BTreeSet::new();
        for action in Action::ALL {
            assert!(labels.insert(action.label()), "{action:?}");
            assert!(action.doc().ends_with('.'), "{action:?}");
            if let Some(shortcut) = action.shortcut() {
                assert!(keys.insert(format!("{shortcut:?}")), "{action:?}");
            }
        }
    }
}
