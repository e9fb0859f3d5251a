"""Videos by the WAN image-to-video models, through diffusers.

    backend.py     what the pool's child calls
    settings.py    what can be set, and the recipe that comes of it
    family.py      what is published about each family of models
    frames.py      how long a video gets
    prepared.py    a request made ready for the device
    checkpoint.py  a model on disk, judged before it is loaded
    lora.py        LoRA files, checked against their model
    facts.py       all of this about one model, checked
    memory.py      where the parts lie on a card of a given size
    setback.py     a plan that was too large, remembered
    wear.py        when a process has made enough videos
    build_tools.py what torch's compiler calls, and whether it is there
    download.py    weights from the hub, once, before any child starts
    placement.py   the model loaded and placed as planned      (from here on: torch)
    card.py        the device as torch sees it
    attention.py   the fastest attention kernel that works
    compiler.py    compiled blocks, and going on without them
    timesteps.py   the 5B's timesteps, embedded once
    merge.py       LoRAs added to the weights
    prompts.py     prompts as embeddings, kept
    pipeline.py    the loaded model: called for each video, fit for the next one
    pixels.py      floats to bytes, and whether there is anything to see
    faults.py      torch's errors in our words
    tiny.py        random checkpoints for tests
    libraries.py   diffusers and transformers, without their chatter

What is marked as torch is imported when the model is loaded, and not before: everything else stays
light enough for any process.
"""
