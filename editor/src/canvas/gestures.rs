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
    ("Drag a wire off its input", "Lays it elsewhere, or takes it away"),
    ("Double-click a node", "Folds it, or opens a group"),
    ("Arrows, Shift-arrows", "Go to the next node; move the selected ones"),
    ("Middle or right drag", "Moves the view"),
    ("Wheel, pinch", "Zooms about the pointer"),
    ("Two fingers", "Move the view"),
];
