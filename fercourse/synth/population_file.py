"""A population on disk: one Parquet file and its manifest, rendered by several workers, resumable."""

import json
import logging
import multiprocessing
import os
import shutil
import threading
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from functools import partial
from pathlib import Path

from ..errors import InputError
from ..faces.decode import cores
from ..faces.emotions import SEVEN
from ..faces.manifest import read_manifest
from ..files import replacing, sha256, write_json, write_text, writing
from ..lock import alone
from .head import head
from .people import GENDERS
from .population import SPLITS, VERSION, Population, describe_row
from .props import OCCLUDERS
from .shots import DOMAINS, LIGHTS
from .units import ACTION_UNITS


def schema(population: Population):
    """Return the Parquet schema: typed columns, with metadata that Hugging Face `datasets` reads."""
    import pyarrow as pa

    half = pa.float16()
    columns = dict(
        id=pa.int64(), split=pa.string(), image=pa.struct([("bytes", pa.binary()), ("path", pa.string())]),
        label=pa.string(), domain=pa.string(), person=pa.int32(), shot=pa.int32(),
        intensity=pa.float32(), blend=pa.string(), blend_share=pa.float32(),
        valence=pa.float32(), arousal=pa.float32(),
        votes=pa.list_(pa.uint8(), len(SEVEN)), majority=pa.string(), single=pa.string(),
        units=pa.list_(half, len(head().units)), action_units=pa.list_(half, len(ACTION_UNITS)),
        landmarks=pa.list_(half, 136), visible=pa.list_(pa.bool_(), 68),
        yaw=pa.float32(), pitch=pa.float32(), roll=pa.float32(),
        occluder=pa.string(), light=pa.string(), light_across=pa.float32(), light_up=pa.float32(),
        backdrop=pa.string(), age=pa.float32(), gender=pa.string(), skin_tone=pa.int8(), hair=pa.string())
    features = {name: _feature(kind) for name, kind in columns.items()} | {"image": {"_type": "Image"}}
    facts = dict(version=VERSION, **asdict(population), classes=SEVEN, domains=DOMAINS, units=head().units,
                 action_units=ACTION_UNITS, genders=GENDERS, lights=LIGHTS, occluders=OCCLUDERS)
    return pa.schema(columns, metadata={"fercourse": json.dumps(facts),
                                        "huggingface": json.dumps({"info": {"features": features}})})


def _feature(kind):
    import pyarrow as pa

    if pa.types.is_fixed_size_list(kind):
        return {"feature": _feature(kind.value_type), "length": kind.list_size, "_type": "Sequence"}
    names = {"halffloat": "float16", "float": "float32"}
    return {"dtype": names.get(str(kind), str(kind)), "_type": "Value"}


def write_population(population: Population, out: Path, workers: int = 0, progress: bool = True) -> dict:
    """Render a population into a Parquet file with a manifest (`.json`) beside it; returns the manifest.

    People are rendered one by one into `<out>.parts`, so that a stopped run goes on where it was; the file
    appears only when it is complete, with the same bytes whatever the number of workers. One process renders it;
    others that want the same file meanwhile wait for it.

    Raises:
        InputError: `out` is a folder, has another ending than .parquet, is there already and holds something else, or
            cannot be written; the parts there belong to other settings; or `workers` is below 0 (0: one for each core).
    """
    out = Path(out)
    if workers < 0:
        raise InputError(f"workers is {workers}; expected 0 (one for each core) or more")
    parts, before = out.with_name(out.name + ".parts"), _modified(out)
    _check_place(out, parts)
    with writing(parts):
        out.parent.mkdir(parents=True, exist_ok=True)  # a lock needs a place
    with alone(out, partial(logging.getLogger(__name__).warning, "waiting for another process, which makes %s", out)):
        if _modified(out) != before and (made := _made(out, population)):
            return made
        _open_parts(parts, population)
        waiting = [n for n in range(population.people) if not (parts / f"{n:06d}.parquet").exists()]
        _render_all(population, parts, waiting, workers, progress)
        manifest = _assemble(population, parts, out)
        shutil.rmtree(parts)
    return manifest


def _check_place(out, parts):
    """Raise InputError for a place where the file or its manifest would not be found, or would replace something.

    Beside parts the file may be a stopped run's own, still without its manifest.
    """
    if out.is_dir():
        raise InputError(f"{out} is a folder; expected the file to write, such as {out / 'faces.parquet'}")
    if out.suffix.lower() != ".parquet":
        raise InputError(f"{out} is no name for rendered faces; expected one ending in .parquet, such as "
                         f"{out.with_suffix('.parquet')}")
    if not parts.exists() and (out.exists() or out.with_suffix(".json").exists()):
        try:
            read_manifest(out)
        except InputError as error:
            raise InputError(f"{out} or the .json beside it is there already and is not rendered faces ({error}); "
                             "choose another name, or remove them") from error


def _modified(out):
    return out.stat().st_mtime_ns if out.is_file() else None


def _made(out, population):
    """Return the manifest of a file that is of this plan, None of another one."""
    manifest = json.loads(out.with_suffix(".json").read_text())
    return manifest if manifest.items() >= _plan(population).items() else None


def _plan(population):
    return dict(version=VERSION, **asdict(population))


def _open_parts(parts, population):
    plan = json.dumps(_plan(population), sort_keys=True)
    note = parts / "population.json"
    with writing(parts):
        parts.mkdir(parents=True, exist_ok=True)
    if note.exists() and note.read_text() != plan:
        raise InputError(f"{parts} holds faces of another plan ({note.read_text()}); "
                         "remove that folder or repeat the command with its settings")
    write_text(note, plan)


def _render_all(population, parts, waiting, workers, progress):
    from tqdm.auto import tqdm

    workers = workers or cores()
    with tqdm(total=population.people * population.per_person, unit="face", disable=not progress,
              initial=(population.people - len(waiting)) * population.per_person) as bar:
        if workers == 1 or len(waiting) < 2:
            for number in waiting:
                _render_person(population, parts, number)
                bar.update(population.per_person)
            return
        with ProcessPoolExecutor(min(workers, len(waiting)), initializer=_start_worker) as pool:
            jobs = [pool.submit(_render_person, population, parts, number) for number in waiting]
            for job in jobs:
                job.result()
                bar.update(population.per_person)


def one_thread():
    """Keep a worker's matrix products on its own core: the workers are the parallelism."""
    from threadpoolctl import threadpool_limits

    threadpool_limits(1)


def _start_worker():
    """Begin a worker that ends with its parent, even where that one is killed and cannot tell."""
    one_thread()
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent():
    multiprocessing.parent_process().join()
    os._exit(1)


def _render_person(population, parts, number):
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [describe_row(population, number, shot) for shot in range(population.per_person)]
    table = pa.Table.from_pylist(rows, schema=schema(population))
    with replacing(parts / f"{number:06d}.parquet") as part:
        pq.write_table(table, part, compression="zstd")


def _assemble(population, parts, out):
    """Join the parts, one row group a split, into the file, and put the manifest beside it; returns the manifest."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    tables = [pq.read_table(parts / f"{n:06d}.parquet") for n in range(population.people)]
    counts = {}
    with replacing(out) as part:
        with pq.ParquetWriter(part, schema(population), compression="zstd", compression_level=19) as writer:
            for split in SPLITS:
                chosen = [t for n, t in enumerate(tables) if population.split_of(n) == split]
                if chosen:
                    joined = pa.concat_tables(chosen).combine_chunks()
                    writer.write_table(joined, row_group_size=len(joined))
                    counts[split] = _count(joined)
    manifest = dict(file=out.name, version=VERSION, sha256=sha256(out), bytes=out.stat().st_size, **asdict(population),
                    faces=population.people * population.per_person, counts=counts)
    write_json(out.with_suffix(".json"), manifest)
    return manifest


def _count(table):
    frame = table.select(["person", "domain", "label"]).to_pandas()
    return dict(people=int(frame.person.nunique()),
                **{d: int((frame.domain == d).sum()) for d in DOMAINS},
                **{w: int((frame.label == w).sum()) for w in SEVEN})
