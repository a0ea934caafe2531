//! What the mouse does on the canvas, for the list of keys.

/// Each gesture, and what it does.
pub const GESTURES: &[(&str, &str)] = &[
    ("Drag from a port", "Lays a wire"),
    ("Drop on empty canvas", "Adds a node that fits"),
    ("Double-click empty canvas", "Adds a node"),
    ("Double-click a wire", "Adds a bend"),
    ("Alt-drag across wires", "Cuts them"),
    ("Ctrl-drag a node", "Duplicates it"),
    ("Drag a box", "Selects what is in it"),
    ("Shift-drag a box", "Adds to the selection"),
    ("Middle drag, Space-drag", "Moves the view"),
    ("Wheel", "Zooms about the pointer"),
];
