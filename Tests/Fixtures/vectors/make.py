"""Writes the files of this folder: the same three rows in the formats of other programs.

Needs NumPy, pandas, h5py and the command zstd.
"""

import gzip
import subprocess

import h5py
import numpy
import pandas

vectors = numpy.array([[0.5, -1.25, 3], [0.001, 2, -8], [100, 0.75, 1e-7]], dtype="f4")
ids = numpy.array([7, 8, 9])
classes = numpy.array(["cat", "chat noir é", "犬"])

numpy.savez("stored.npz", vectors=vectors, ids=ids, classes=classes)
numpy.savez("stored-texts.npz", vectors=vectors, ids=numpy.array(["a", "b é", "007"]), classes=classes)
numpy.savez_compressed("deflated.npz", embeddings=vectors, id=ids.astype(">u4"), label=classes)
numpy.savez("fortran.npz", numpy.asfortranarray(vectors))
numpy.savez_compressed("fortran-deflated.npz", numpy.asfortranarray(vectors))
numpy.savez("two.npz", left=vectors, right=vectors)
numpy.savez("objects.npz", vectors=vectors, classes=numpy.array(["a", None, 1], dtype=object))
numpy.save("objects.npy", numpy.array([[1.0, None]], dtype=object), allow_pickle=True)
numpy.save("records.npy", numpy.array([(1, [1, 2])], dtype=[("id", "i8"), ("v", "f4", (2,))]))

with h5py.File("ann.hdf5", "w") as file:
    file["train"] = vectors
    file["test"] = vectors[:1]
    file["neighbors"] = numpy.array([[0, 1]])
    file.attrs["distance"] = "angular"
with h5py.File("chunked.h5", "w") as file:
    file.create_dataset("left", data=vectors.astype("f8"), chunks=(1, 3), compression="gzip")
    file.create_dataset("right", data=vectors.astype("i4"))
    file.create_group("more")["names"] = "text"

text = "".join("%d|%s|{%s}\n" % (i, c, ",".join(map(repr, map(float, v)))) for i, c, v in zip(ids, classes, vectors))
with open("features.txt.gz", "wb") as file:
    lines = text.encode().split(b"\n")
    # Two members, as `cat a.gz b.gz` gives them.
    file.write(gzip.compress(b"\n".join(lines[:1]) + b"\n", mtime=0))
    file.write(gzip.compress(b"\n".join(lines[1:]), mtime=0))
numpy.save("rows.npy", vectors)
for name, source in [("rows.npy.zst", "rows.npy"), ("features.txt.zst", None)]:
    data = open(source, "rb").read() if source else text.encode()
    open(name, "wb").write(subprocess.run(["zstd", "-q", "-c"], input=data, stdout=subprocess.PIPE).stdout)
subprocess.run(["rm", "rows.npy"])

table = pandas.DataFrame({"id": ids, "class": classes, "embedding": list(vectors)})
table.to_csv("pandas.csv", index=False)
table["embedding"] = [v.tolist() for v in vectors]
table.to_csv("pandas-lists.csv", index=False)
table.iloc[:0].to_csv("empty.csv", index=False)
long = pandas.DataFrame({"id": [1], "embedding": [numpy.arange(2000, dtype="f4")]})
long.to_csv("pandas-shortened.csv", index=False)
