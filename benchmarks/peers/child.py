"""The process of one section on Motor or PyMongo Async: it receives a job and prints the measurement."""

import asyncio
import gc
import json
import math
import os
import sys
import time

from bson import ObjectId

SETTLE_SECONDS = 0.03


async def read(database, settings):
    """Reads the whole collection and two fields of each document, like sections/read.mjs."""
    count = settings["documents"]
    light = settings.get("lightDocuments", count)
    collection = database[settings["collection"]]
    await_list = settings["way"] == "toArray"

    async def work(limit):
        witness = {"documents": 0, "characters": 0, "sum": 0}
        fields = []
        for _ in range(settings.get("repeat", 1)):
            cursor = collection.find({}, limit=limit)
            if await_list:
                for document in await cursor.to_list(None):
                    look(document, witness, fields)
            else:
                async for document in cursor:
                    look(document, witness, fields)
        return witness

    total = count * settings.get("repeat", 1)
    witness, metrics = await measured(
        lambda: work(count), total, "Document", "documentsPerSecond", lambda: work(light)
    )
    if witness["documents"] != total:
        raise RuntimeError(f"{witness['documents']} documents were read, {total} expected")
    return witness, metrics


def look(document, witness, fields):
    if witness["documents"] == 0:
        fields[:] = [first_of(str, document), first_of((int, float), document)]
    witness["documents"] += 1
    text, number = document.get(fields[0]), document.get(fields[1])
    if isinstance(text, str):
        witness["characters"] += len(text)
    if isinstance(number, (int, float)):
        witness["sum"] = int(math.fmod(witness["sum"] + int(number), 1e9))


def first_of(kinds, document):
    for key, value in document.items():
        if isinstance(value, kinds) and not isinstance(value, bool):
            return key
    return None


async def find_one(database, settings):
    """Reads documents by their _id with a number of them in flight, like sections/point-operation.mjs."""
    count, warm_count, width = settings["operations"], settings["warmUp"], settings["width"]
    collection = database[settings["collection"]]
    filters = [{"_id": id_of((i * 7919) % settings["documents"])} for i in range(max(count, warm_count))]
    latencies = [0.0] * len(filters)

    async def work(operations=count):
        seen = 0
        next_number = 0

        async def lane():
            nonlocal seen, next_number
            while next_number < operations:
                number = next_number
                next_number += 1
                start = time.perf_counter()
                document = await collection.find_one(filters[number])
                latencies[number] = (time.perf_counter() - start) * 1000
                if document is not None and document["user"]["followers_count"] > 0:
                    seen += 1

        await asyncio.gather(*(lane() for _ in range(min(width, operations))))
        return {"seen": seen}

    timed = []
    witness, metrics = await measured(
        work,
        count,
        "Operation",
        "operationsPerSecond",
        lambda: work(warm_count),
        lambda: timed.extend(sorted(latencies[:count])),
    )
    metrics["latencyMedian"] = timed[len(timed) // 2]
    metrics["latencyP99"] = timed[min(len(timed) - 1, int(len(timed) * 0.99))]
    return witness, metrics


def id_of(number):
    return ObjectId(f"{number:024x}")


async def measured(work, count, unit, rate, warm_up, after_timed=lambda: None):
    """Warms up, then measures time, CPU and memory in one pass, and the stalls in another."""
    resting = resident_at_rest()
    await settle()
    await warm_up()
    await settle()
    thread_before, process_before = time.thread_time(), time.process_time()
    start = time.perf_counter()
    witness = await work()
    seconds = time.perf_counter() - start
    await asyncio.sleep(SETTLE_SECONDS)
    main_cpu = time.thread_time() - thread_before
    process_cpu = time.process_time() - process_before
    after_timed()
    peak = peak_resident()
    await settle()
    gaps = await watch_stalls(work)
    return witness, {
        f"mainCpuPer{unit}": main_cpu * 1e6 / count,
        f"processCpuPer{unit}": process_cpu * 1e6 / count,
        rate: count / seconds,
        **gaps,
        "memoryOverIdle": peak - resting,
    }


async def settle():
    gc.collect()
    await asyncio.sleep(SETTLE_SECONDS)


async def watch_stalls(work):
    """Returns the gaps between the ticks of a 1 ms timer while work runs."""
    gaps = []

    async def tick():
        last = time.perf_counter()
        while True:
            await asyncio.sleep(0.001)
            now = time.perf_counter()
            gaps.append((now - last) * 1000)
            last = now

    ticking = asyncio.ensure_future(tick())
    await asyncio.sleep(0.015)
    gaps.clear()
    await work()
    await asyncio.sleep(0.01)
    ticking.cancel()
    gaps.sort()
    return {"gapMax": gaps[-1], "gapP99": gaps[min(len(gaps) - 1, int(len(gaps) * 0.99))]}


def resident_at_rest():
    gc.collect()
    try:
        with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
            file.write("5")
    except OSError:
        pass
    return status_megabytes("VmRSS")


def peak_resident():
    return status_megabytes("VmHWM")


def status_megabytes(name):
    try:
        with open("/proc/self/status", encoding="ascii") as file:
            for line in file:
                if line.startswith(f"{name}:"):
                    return int(line.split()[1]) / 1024
    except OSError:
        pass
    return math.nan


def client_for(side, uri):
    if side == "motor":
        from motor.motor_asyncio import AsyncIOMotorClient

        return AsyncIOMotorClient(uri)
    from pymongo import AsyncMongoClient

    return AsyncMongoClient(uri)


PROGRAMS = {"read": read, "point-operation": find_one}


async def main():
    job = json.load(sys.stdin)
    client = client_for(job["side"], job["uri"])
    database = client[job["database"]]
    await database.command("ping")
    witness, metrics = await PROGRAMS[job["program"]](database, job["settings"])
    closing = client.close()
    if asyncio.iscoroutine(closing):
        await closing
    times = os.times()
    finite = {name: value for name, value in metrics.items() if not math.isnan(value)}
    print(json.dumps({"witness": witness, "metrics": finite, "cpuSeconds": times.user + times.system}))


asyncio.run(main())
