//! One of each kind of thing that Rust can show to Python, for `tests/test_stubs.py`.

#[cfg(not(test))]
#[pyo3::pymodule(module = "fast_math._accelerate")]
pub(crate) mod zoo {
    use numpy::{PyArray1, PyReadonlyArray1};
    use pyo3::prelude::*;
    use pyo3::types::{PyBytes, PyDict, PyTuple, PyType};
    use std::collections::{BTreeMap, HashMap, HashSet};
    use std::path::PathBuf;

    /// A circle.
    ///
    /// Round, that is.
    #[pyclass(frozen, eq, hash)]
    #[derive(Clone, PartialEq, Eq, Hash)]
    pub(crate) struct Circle {
        /// The radius.
        #[pyo3(get)]
        radius: i64,
    }

    #[pymethods]
    impl Circle {
        /// The number of corners.
        #[classattr]
        const CORNERS: usize = 0;

        #[new]
        #[pyo3(signature = (radius=1))]
        fn new(radius: i64) -> Self {
            Self { radius }
        }

        /// Return a larger circle.
        ///
        /// Args:
        ///     factor: How much larger.
        ///     twice: Twice as much.
        #[pyo3(signature = (factor, *, twice=false))]
        fn scaled(&self, factor: i64, twice: bool) -> Self {
            let factor = if twice { 2 * factor } else { factor };
            Self::new(self.radius * factor)
        }

        /// The diameter.
        #[getter]
        fn diameter(&self) -> i64 {
            2 * self.radius
        }

        /// Return a circle of radius 1.
        #[staticmethod]
        fn unit() -> Self {
            Self::new(1)
        }

        /// Return a circle with a diameter.
        #[classmethod]
        fn from_diameter(_class: &Bound<'_, PyType>, diameter: i64) -> Self {
            Self::new(diameter / 2)
        }

        fn __repr__(&self) -> String {
            format!("Circle({})", self.radius)
        }

        fn __len__(&self) -> usize {
            0
        }

        fn __add__(&self, other: &Self) -> Self {
            Self::new(self.radius + other.radius)
        }

        fn __contains__(&self, point: (f64, f64)) -> bool {
            point.0 < 1.0
        }

        fn __getitem__(&self, index: i64) -> i64 {
            index
        }

        fn __iter__(&self) -> Counter {
            Counter { at: 0 }
        }

        fn __getnewargs__(&self) -> (i64,) {
            (self.radius,)
        }
    }

    /// Counts to three.
    #[pyclass]
    #[derive(Clone, Copy)]
    pub(crate) struct Counter {
        /// Where it is.
        #[pyo3(get, set)]
        at: u32,
    }

    #[pymethods]
    impl Counter {
        fn __iter__(this: PyRef<'_, Self>) -> PyRef<'_, Self> {
            this
        }

        fn __setitem__(&mut self, at: u32, value: u32) {
            self.at = at + value;
        }

        /// Return whether it is at an end.
        fn ended(&self) -> bool {
            self.at > 3
        }

        fn __next__(&mut self) -> Option<u32> {
            self.at += 1;
            (self.at <= 3).then_some(self.at)
        }
    }

    /// A point.
    #[pyclass(eq, get_all, new = "from_fields")]
    #[derive(PartialEq)]
    pub(crate) struct Point {
        x: f64,
        y: f64,
    }

    /// May have children.
    #[pyclass(subclass)]
    pub(crate) struct Parent;

    #[pymethods]
    impl Parent {
        #[new]
        #[pyo3(signature = (*args: "object", **kwargs: "object"))]
        fn new(args: &Bound<'_, PyTuple>, kwargs: Option<&Bound<'_, PyDict>>) -> Self {
            let _ = (args, kwargs);
            Self
        }

        /// Notes on σ × ρ, whatever they are.
        #[getter]
        fn notes<'py>(&self, py: Python<'py>) -> Bound<'py, PyDict> {
            PyDict::new(py)
        }

        fn __getattr__(&self, name: &str) -> String {
            name.to_owned()
        }
    }

    #[allow(dead_code)] // Clippy looks at it anyway; Python's own protocols want such methods
    async fn leave() {}

    /// A child.
    #[pyclass(extends = Parent)]
    pub(crate) struct Child;

    #[pymethods]
    impl Child {
        #[new]
        fn new() -> PyClassInitializer<Self> {
            PyClassInitializer::from(Parent).add_subclass(Self)
        }
    }

    /// A colour.
    #[pyclass(eq, eq_int, frozen, hash, from_py_object)]
    #[derive(Clone, PartialEq, Eq, Hash)]
    pub(crate) enum Color {
        /// As blood.
        Red,
        /// As grass.
        Green = 7,
    }

    /// A dot or a square.
    ///
    /// As in "shape."
    #[pyclass(frozen)]
    pub(crate) enum Shape {
        /// A dot.
        Dot(),
        /// A square.
        Square { side: f64 },
    }

    /// Return a square, not ['square'].
    #[pyfunction]
    #[pyo3(signature = (side) -> "Shape.Square")]
    fn square(side: f64) -> Shape {
        Shape::Square { side }
    }

    #[derive(FromPyObject)]
    pub(crate) enum Key {
        Number(i64),
        Real(f64),
        Text(String),
    }

    /// Take all kinds of arguments.
    #[pyfunction]
    #[pyo3(signature = (table, numbers=None, *, bytes=Vec::new(), path=None, color=Color::Red))]
    fn many(
        table: HashMap<String, Vec<f64>>,
        numbers: Option<HashSet<i32>>,
        bytes: Vec<u8>,
        path: Option<PathBuf>,
        color: Color,
    ) -> BTreeMap<String, Option<(i64, f64)>> {
        let _ = (table, numbers, bytes, path, color);
        BTreeMap::new()
    }

    /// Return the text, `"quoted"` or with a \ in it, as text.strip does.
    #[pyfunction]
    fn text(key: Key, data: &Bound<'_, PyBytes>) -> Option<String> {
        let _ = data;
        match key {
            Key::Real(number) => Some(number.to_string()),
            Key::Number(number) => (number > 0).then(|| number.to_string()),
            Key::Text(text) => Some(text),
        }
    }

    /// Call a function on each item, in Python.
    #[pyfunction]
    #[pyo3(signature = (function: "collections.abc.Callable[[int], float]", items: "collections.abc.Iterable[int]", limits) -> "list[float]")]
    fn call<'py>(
        function: &Bound<'py, PyAny>,
        items: &Bound<'py, PyAny>,
        limits: [f32; 2],
    ) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let _ = limits;
        items
            .try_iter()?
            .map(|item| function.call1((item?,)))
            .collect()
    }

    /// Return the largest circle.
    #[pyfunction]
    fn largest(circles: Vec<PyRef<'_, Circle>>) -> Option<Circle> {
        circles
            .iter()
            .max_by_key(|circle| circle.radius)
            .map(|circle| (**circle).clone())
    }

    /// Multiply each element.
    #[pyfunction]
    #[pyo3(signature = (array: "numpy.typing.NDArray[numpy.float64]", factor) -> "numpy.typing.NDArray[numpy.float64]")]
    fn scale(array: PyReadonlyArray1<'_, f64>, factor: f64) -> Bound<'_, PyArray1<f64>> {
        PyArray1::from_iter(array.py(), array.as_array().iter().map(|x| x * factor))
    }

    /// Return how many of the flags are set.
    #[pyfunction]
    #[pyo3(signature = (one, two, three, four, *, more=0, again=0, over=0, out=0))]
    fn flags(
        one: bool,
        two: bool,
        three: bool,
        four: bool,
        more: u8,
        again: u8,
        over: u8,
        out: u8,
    ) -> u8 {
        u8::from(one) + u8::from(two) + u8::from(three) + u8::from(four) + more + again + over + out
    }

    /// Return arrays of the class numpy.ndarray by name.
    #[pyfunction]
    #[pyo3(signature = (of: "numpy.typing.NDArray[numpy.float64]") -> "dict[str, tuple[numpy.typing.NDArray[numpy.float64], list[numpy.typing.NDArray[numpy.float64]]]]")]
    fn arrays<'py>(
        of: PyReadonlyArray1<'py, f64>,
    ) -> HashMap<String, (Bound<'py, PyArray1<f64>>, Vec<Bound<'py, PyArray1<f64>>>)> {
        let copy = PyArray1::from_iter(of.py(), of.as_array().iter().copied());
        HashMap::from([("copy".to_owned(), (copy, Vec::new()))])
    }

    /// Return what has the names and constants of a formula.
    #[pyfunction]
    fn formula(wavelengths: Vec<f64>) -> f64 {
        let (h, c, e) = (6.62607015e-34, 299792458.0, 1.602176634e-19);
        let (mut sumx, mut sumy) = (0.0, 0.0);
        let n = wavelengths.len() as f64;
        for x in wavelengths {
            let y = h * c / (x * e);
            sumx += x;
            sumy += y;
        }
        sumy / sumx * n
    }

    /// Return what is between quotes.
    #[pyfunction]
    #[pyo3(signature = (text: "typing.Literal['1.0'] | str", quote='"', at=0))]
    fn quoted(text: &str, quote: char, at: usize) -> Option<&str> {
        text.get(at..)?.split(quote).nth(1)
    }

    #[pyfunction]
    fn undocumented(_letter: char) {}

    /// Names that "types" have too.
    #[pymodule]
    mod names {
        use pyo3::prelude::*;
        use pyo3::types::{PyDict, PySet, PyTuple};
        use std::time::Duration;

        /// Letters, given as `{"version": "1.2.3"}`.
        #[pyclass]
        pub(crate) struct Sequence {
            /// SupportsIndex is the letter before.
            #[pyo3(get)]
            letters: String,
        }

        #[pymethods]
        impl Sequence {
            #[new]
            fn new(letters: String) -> Self {
                Self { letters }
            }

            /// Return the letters.
            ///
            /// Those of "one" are "o", "n" and "e"
            #[pyo3(signature = () -> "builtins.list[str]")]
            fn list(&self) -> Vec<char> {
                self.letters.chars().collect()
            }

            /// Return where letters are.
            #[pyo3(signature = (of: "collections.abc.Sequence[str]") -> "builtins.list[int | None]")]
            fn starts(&self, of: Vec<char>) -> Vec<Option<usize>> {
                let place = |letter| self.letters.find(letter);
                of.into_iter().map(place).collect()
            }

            /// Return how many letters are the same.
            fn same(&self, other: &Self) -> usize {
                let pairs = self.letters.chars().zip(other.letters.chars());
                pairs.filter(|(one, two)| one == two).count()
            }

            /// Return letters by their numbers.
            fn pick(&self, numbers: Vec<usize>) -> String {
                let letter = |number| self.letters.chars().nth(number);
                numbers.into_iter().filter_map(letter).collect()
            }

            fn __iadd__(&mut self, other: &str) {
                self.letters.push_str(other);
            }
        }

        #[pyclass(frozen)]
        pub(crate) struct SupportsIndexed();

        /// Has members that are called like types.
        #[pyclass(frozen, get_all)]
        pub(crate) struct Pause {
            timedelta: Duration,
            float: f64,
            rest: Option<Duration>,
        }

        #[pymethods]
        impl Pause {
            #[new]
            #[pyo3(signature = (timedelta, float=1.0))]
            fn new(timedelta: Duration, float: f64) -> Self {
                let rest = Some(timedelta.mul_f64(float));
                Self {
                    timedelta,
                    float,
                    rest,
                }
            }

            fn list(&self) -> Vec<f64> {
                vec![self.float]
            }

            fn property(&self, int: i64) -> bool {
                int > 0
            }

            #[pyo3(signature = (on: "datetime.date") -> "datetime.date")]
            fn date<'py>(&self, on: Bound<'py, PyAny>) -> Bound<'py, PyAny> {
                on
            }
        }

        /// Return a number.
        #[pyfunction]
        fn float(float: f64) -> (f64, i64) {
            (float, 1)
        }

        /// Take whatever they hold, as "f(*args)".
        #[pyfunction]
        #[pyo3(signature = (*args, values: "tuple[int, ...]", unique: "set[int]", **kwargs))]
        fn all(
            args: &Bound<'_, PyTuple>,
            values: &Bound<'_, PyTuple>,
            unique: &Bound<'_, PySet>,
            kwargs: Option<&Bound<'_, PyDict>>,
        ) -> usize {
            let _ = (unique, kwargs);
            args.len() + values.len()
        }

        /// Return the options.
        #[pyfunction]
        #[pyo3(signature = (options: "dict[str, int]") -> "dict[str, int]")]
        fn options(options: Bound<'_, PyDict>) -> Bound<'_, PyDict> {
            options
        }

        #[pymodule_init]
        fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
            module.add("author", "Ada")?;
            module.add("foreign", module.py().import("json")?) // of Python, not of this module
        }
    }

    /// Things further in.
    #[pymodule]
    mod inner {
        use super::Circle;
        use pyo3::prelude::*;
        use pyo3::types::PyDict;

        /// The largest radius.
        #[pymodule_export]
        const LIMIT: i64 = 3;

        /// Return the radius.
        #[pyfunction]
        fn radius(circle: &Circle) -> i64 {
            circle.radius
        }

        /// Has the name of a type.
        #[pyclass(frozen)]
        pub(crate) struct Any();

        /// Is made in two steps.
        #[pyclass(frozen)]
        pub(crate) struct Prepared();

        #[pymethods]
        impl Prepared {
            #[new]
            fn new() -> Self {
                Self()
            }

            fn __init__(&self) {}
        }

        #[pyclass(frozen)]
        pub(crate) struct Iter();

        #[pymethods]
        impl Iter {
            fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
                slf
            }

            fn __next__(&self) -> Option<u8> {
                None
            }
        }

        /// Return how many there are.
        #[pyfunction]
        #[pyo3(signature = (any, **others))]
        fn count(any: Vec<PyRef<'_, Any>>, others: Option<&Bound<'_, PyDict>>) -> usize {
            any.len() + others.map_or(0, PyDictMethods::len)
        }
    }
}
