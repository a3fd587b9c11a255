//! Rebuilds the crate when the front end was built anew.
//!
//! Cargo can only watch a folder that exists; an empty one stands in until `npm run build` fills it.

fn main() {
    let folder = "../../frontend/dist";
    // Where the sources are read-only the folder is there already, or there is nothing to embed.
    let _ = std::fs::create_dir_all(folder);
    println!("cargo::rerun-if-changed={folder}");
}
