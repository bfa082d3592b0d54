//! Parses the files of src: their modules, the names that they define and the paths that they name. Tests are left out.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use proc_macro2::{Spacing, TokenStream, TokenTree};
use syn::visit::{self, Visit};

/// A path to a module: `["cli", "stdout"]` for src/cli/stdout.rs, nothing for src/lib.rs.
pub type ModulePath = Vec<String>;

/// A file of src that is no test.
pub struct File {
    /// Below src, with `/` between its parts.
    pub path: String,
    pub text: String,
    pub module: ModulePath,
    pub contents: Contents,
}

/// What stands in a file, tests left out.
#[derive(Default)]
pub struct Contents {
    /// Names of structs, enums and traits.
    pub types: BTreeSet<String>,
    pub modules: BTreeMap<ModulePath, Names>,
    pub paths: Vec<NamedPath>,
    /// What the file hands on by `pub use`. It is an import of the file only if the file uses the name itself.
    reexports: Vec<NamedPath>,
    /// The first names of paths.
    used: BTreeSet<(ModulePath, String)>,
    pub functions: Vec<Function>,
    pub unwraps: Vec<usize>,
    pub globs: Vec<usize>,
}

/// The names of a module, as far as a path can lead to them.
#[derive(Default)]
pub struct Names {
    pub items: BTreeSet<String>,
    /// `use` and `pub use`: the name here, and the path that it stands for. A function and a module may share one.
    pub imports: BTreeMap<String, Vec<String>>,
    pub children: BTreeSet<String>,
}

/// A path of at least two segments, or one that a `use` names. A single name needs none: it is defined or imported here.
pub struct NamedPath {
    pub module: ModulePath,
    pub segments: Vec<String>,
    pub line: usize,
}

pub struct Function {
    pub name: String,
    pub line: usize,
    pub lines: usize,
}

impl File {
    /// Every identifier and path outside tests, with its line.
    pub fn parse(path: &str, text: String) -> Self {
        let module = module_of(path);
        let syntax = syn::parse_file(&text).unwrap_or_else(|error| panic!("src/{path}: {error}"));
        let mut reader = Reader {
            module: module.clone(),
            contents: Contents::default(),
            depth: 0,
            is_reexport: false,
        };
        reader.contents.modules.entry(module.clone()).or_default();
        reader.visit_file(&syntax);
        let Contents {
            paths,
            reexports,
            used,
            ..
        } = &mut reader.contents;
        paths.extend(reexports.drain(..).filter(|path| {
            let name = path.segments.last().expect("a path has a name");
            used.contains(&(path.module.clone(), name.clone()))
        }));
        Self {
            path: path.to_owned(),
            text,
            module,
            contents: reader.contents,
        }
    }

    /// The documentation of the file: its lines that begin with `//!`.
    pub fn documentation(&self) -> impl Iterator<Item = &str> {
        self.text
            .lines()
            .filter_map(|line| line.trim().strip_prefix("//!"))
    }
}

fn module_of(path: &str) -> ModulePath {
    let path = path.trim_end_matches(".rs").trim_end_matches("/mod");
    let parts = path.split('/').map(str::to_owned);
    // src/main.rs is a crate of its own, which names the library from outside.
    parts.filter(|part| part != "lib").collect()
}

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Every Rust file below src with its path and text, tests included.
pub fn texts() -> Vec<(String, String)> {
    fn walk(folder: &Path, found: &mut Vec<(String, String)>) {
        for entry in fs::read_dir(folder).expect("src can be read") {
            let path = entry.expect("src can be read").path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|it| it == "rs") {
                let below = path.strip_prefix(src()).expect("below src");
                let below = below.to_str().expect("a path in UTF-8").to_owned();
                found.push((below, fs::read_to_string(&path).expect("sources are text")));
            }
        }
    }
    let mut found = Vec::new();
    walk(&src(), &mut found);
    found.sort();
    found
}

/// The files of src without the tests.
pub fn files() -> &'static [File] {
    static FILES: LazyLock<Vec<File>> = LazyLock::new(|| {
        let texts = texts().into_iter();
        texts
            .filter(|(path, _)| !is_test(path))
            .map(|(path, text)| File::parse(&path, text))
            .collect()
    });
    &FILES
}

pub fn is_test(path: &str) -> bool {
    path.split('/')
        .any(|part| part == "tests" || part == "tests.rs")
}

fn is_for_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let syn::Meta::List(list) = &attribute.meta else {
            return false;
        };
        list.path.is_ident("cfg")
            && list
                .parse_args::<syn::Path>()
                .is_ok_and(|path| path.is_ident("test"))
    })
}

struct Reader {
    module: ModulePath,
    contents: Contents,
    /// How many functions stand around: what they define is no name of the module.
    depth: usize,
    is_reexport: bool,
}

impl Reader {
    fn names(&mut self) -> &mut Names {
        self.contents
            .modules
            .entry(self.module.clone())
            .or_default()
    }

    fn define(&mut self, name: &syn::Ident) {
        self.names().items.insert(name.to_string());
    }

    fn function(&mut self, signature: &syn::Signature, body: &syn::Block) {
        let name = &signature.ident;
        let start = signature.fn_token.span.start().line;
        let end = body.brace_token.span.close().end().line;
        self.contents.functions.push(Function {
            name: name.to_string(),
            line: start,
            lines: end + 1 - start,
        });
    }

    fn path(&mut self, segments: Vec<String>, line: usize) {
        let module = self.module.clone();
        self.contents
            .used
            .insert((module.clone(), segments[0].clone()));
        if segments.len() > 1 {
            self.contents.paths.push(NamedPath {
                module,
                segments,
                line,
            });
        }
    }

    fn use_tree(&mut self, before: &[String], tree: &syn::UseTree) {
        let joined = |ident: &syn::Ident| [before, &[ident.to_string()]].concat();
        match tree {
            syn::UseTree::Path(path) => self.use_tree(&joined(&path.ident), &path.tree),
            syn::UseTree::Group(group) => {
                for tree in &group.items {
                    self.use_tree(before, tree);
                }
            }
            syn::UseTree::Name(name) if name.ident == "self" => {
                let here = before.last().expect("self stands in a group").clone();
                self.import(here, before.to_vec(), name.ident.span().start().line);
            }
            syn::UseTree::Name(name) => {
                let here = name.ident.to_string();
                self.import(here, joined(&name.ident), name.ident.span().start().line);
            }
            syn::UseTree::Rename(rename) => {
                let here = rename.rename.to_string();
                let mut path = joined(&rename.ident);
                if rename.ident == "self" {
                    path.pop();
                }
                self.import(here, path, rename.ident.span().start().line);
            }
            syn::UseTree::Glob(glob) => self.contents.globs.push(glob.star_token.span.start().line),
        }
    }

    fn import(&mut self, here: String, segments: Vec<String>, line: usize) {
        self.names().imports.insert(here, segments.clone());
        let path = NamedPath {
            module: self.module.clone(),
            segments,
            line,
        };
        if self.is_reexport {
            self.contents.reexports.push(path);
        } else {
            self.contents.paths.push(path);
        }
    }

    /// Paths in what a macro or an attribute is given, which nobody but that macro can parse.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut segments: Vec<String> = Vec::new();
        let mut line = 0;
        // How many colons stand behind the last name; None: no path goes on here.
        let mut colons = None;
        let flush = |reader: &mut Self, segments: &mut Vec<String>, line| {
            if !segments.is_empty() {
                reader.path(std::mem::take(segments), line);
            }
        };
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => {
                    if colons != Some(2) {
                        flush(self, &mut segments, line);
                        line = ident.span().start().line;
                    }
                    if ident == "unwrap" {
                        self.contents.unwraps.push(ident.span().start().line);
                    }
                    segments.push(ident.to_string());
                    colons = Some(0);
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => {
                    colons = match (colons, punct.spacing()) {
                        (Some(0), Spacing::Joint) => Some(1),
                        (Some(1), _) => Some(2),
                        _ => None,
                    };
                }
                TokenTree::Group(group) => {
                    flush(self, &mut segments, line);
                    self.tokens(group.stream());
                    colons = None;
                }
                _ => colons = None,
            }
        }
        flush(self, &mut segments, line);
    }
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        let (attributes, name) = match item {
            syn::Item::Const(it) => (&it.attrs, Some(&it.ident)),
            syn::Item::Enum(it) => (&it.attrs, Some(&it.ident)),
            syn::Item::Fn(it) => (&it.attrs, Some(&it.sig.ident)),
            syn::Item::Macro(it) => (&it.attrs, it.ident.as_ref()),
            syn::Item::Static(it) => (&it.attrs, Some(&it.ident)),
            syn::Item::Struct(it) => (&it.attrs, Some(&it.ident)),
            syn::Item::Trait(it) => (&it.attrs, Some(&it.ident)),
            syn::Item::Type(it) => (&it.attrs, Some(&it.ident)),
            syn::Item::Impl(it) => (&it.attrs, None),
            syn::Item::Mod(it) => (&it.attrs, None),
            syn::Item::Use(it) => (&it.attrs, None),
            _ => panic!("an item that this test does not know"),
        };
        if is_for_tests(attributes) {
            return;
        }
        if let Some(name) = name.filter(|_| self.depth == 0) {
            self.define(name);
        }
        match item {
            syn::Item::Struct(syn::ItemStruct { ident, .. })
            | syn::Item::Enum(syn::ItemEnum { ident, .. })
            | syn::Item::Trait(syn::ItemTrait { ident, .. }) => {
                self.contents.types.insert(ident.to_string());
            }
            _ => {}
        }
        visit::visit_item(self, item);
    }

    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.function(&function.sig, &function.block);
        self.depth += 1;
        visit::visit_item_fn(self, function);
        self.depth -= 1;
    }

    fn visit_impl_item(&mut self, item: &'ast syn::ImplItem) {
        let attributes = match item {
            syn::ImplItem::Const(it) => &it.attrs,
            syn::ImplItem::Fn(it) => &it.attrs,
            syn::ImplItem::Type(it) => &it.attrs,
            syn::ImplItem::Macro(it) => &it.attrs,
            _ => panic!("an item that this test does not know"),
        };
        if !is_for_tests(attributes) {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.function(&function.sig, &function.block);
        self.depth += 1;
        visit::visit_impl_item_fn(self, function);
        self.depth -= 1;
    }

    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        let name = module.ident.to_string();
        self.names().children.insert(name.clone());
        self.module.push(name);
        if module.content.is_some() {
            self.names();
        }
        visit::visit_item_mod(self, module);
        self.module.pop();
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.is_reexport = !matches!(item.vis, syn::Visibility::Inherited);
        self.use_tree(&[], &item.tree);
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        if call.method == "unwrap" && call.args.is_empty() {
            let line = call.method.span().start().line;
            self.contents.unwraps.push(line);
        }
        visit::visit_expr_method_call(self, call);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.leading_colon.is_none() {
            let segments = path.segments.iter().map(|it| it.ident.to_string());
            self.path(
                segments.collect(),
                path.segments[0].ident.span().start().line,
            );
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.visit_path(&call.path);
        self.tokens(call.tokens.clone());
    }

    fn visit_meta_list(&mut self, list: &'ast syn::MetaList) {
        self.visit_path(&list.path);
        self.tokens(list.tokens.clone());
    }
}
