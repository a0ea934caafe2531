//! The editor: a view over the graph document
