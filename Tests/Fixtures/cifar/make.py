"""Writes the archives of this folder: CIFAR as it is downloaded, three training and two test records.

Needs NumPy 2 for the names of its modules; byte i of record r is (31 * r + 7 * i) % 251.
"""

import io
import pickle
import sys
import tarfile

import numpy


class Python2Pickler(pickle._Pickler):
    """Writes texts and bytes as Python 2 writes its strings, as the published files have them."""

    dispatch = dict(pickle._Pickler.dispatch)

    def save_string(self, value):
        data = value.encode("latin1") if isinstance(value, str) else value
        if len(data) < 256:
            self.write(pickle.SHORT_BINSTRING + bytes([len(data)]) + data)
        else:
            self.write(pickle.BINSTRING + len(data).to_bytes(4, "little") + data)
        self.memoize(value)

    dispatch[str] = save_string
    dispatch[bytes] = save_string


def pickled(value, protocol):
    stream = io.BytesIO()
    if protocol == "python2":
        Python2Pickler(stream, 2).dump(value)
        # NumPy 1's names.
        return stream.getvalue().replace(b"numpy._core", b"numpy.core")
    pickle.dump(value, stream, protocol)
    return stream.getvalue()


def batch(first, count, classes):
    data = numpy.array(
        [[(31 * r + 7 * i) % 251 for i in range(3072)] for r in range(first, first + count)], dtype="u1"
    )
    fine = [(7 * r + 3) % classes for r in range(first, first + count)]
    names = ["image_%d.png" % r for r in range(first, first + count)]
    if classes == 100:
        coarse = [r % 20 for r in range(first, first + count)]
        return {
            "filenames": names,
            "batch_label": "training batch 1 of 1",
            "fine_labels": fine,
            "coarse_labels": coarse,
            "data": data,
        }
    return {"batch_label": "batch", "labels": fine, "data": data, "filenames": names}


def write(name, files, mode="w:gz"):
    with tarfile.open(name, mode, format=tarfile.GNU_FORMAT) as archive:
        for path, content in files.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))


fine_names = ["class %d" % n for n in range(100)]
coarse_names = ["group %d" % n for n in range(20)]
for protocol in ["python2", 2, 3, 4, 5]:
    folder = "cifar-100-python/"
    write(
        "cifar-100-python-%s.tar.gz" % protocol,
        {
            folder + "file.txt~": b"",
            folder + "meta": pickled(
                {"fine_label_names": fine_names, "coarse_label_names": coarse_names}, protocol
            ),
            folder + "test": pickled(batch(3, 2, 100), protocol),
            folder + "train": pickled(batch(0, 3, 100), protocol),
        },
    )
folder = "cifar-10-batches-py/"
write(
    "cifar-10-python.tar.gz",
    {
        folder + "data_batch_2": pickled(batch(2, 1, 10), "python2"),
        folder + "data_batch_1": pickled(batch(0, 2, 10), "python2"),
        folder + "test_batch": pickled(batch(3, 2, 10), "python2"),
        folder + "batches.meta": pickled({"label_names": fine_names[:10], "num_vis": 3072}, "python2"),
    },
)
