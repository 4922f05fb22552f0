"""What the page of a simulated wearable says in words."""

__all__ = ["ACCELERATOR", "DEVICES", "FAULTS", "HARVEST", "LEVELS", "SCENARIO_TABLE", "STRIP", "TIMELINE"]

STRIP = (
    "Lead {lead}, 25 mm/s, 10 mm/mV, the stretch with the most to see. Each beat is marked in every stage "
    "that it reached; the filled mark is where its way ended. Under it what the system takes in that "
    "second, typical, but for the front end, which takes {afe_uw:.0f} \u00b5W all the time. A beat is "
    "decided, and paid for, about two seconds after its R peak."
)

TIMELINE = "Power without the front end, means of {step} s, typical; the colours are those above."

SCENARIO_TABLE = (
    "Typical, in small print low to high. Se: of the annotated beats of that class, as far as the device, "
    "or the phone behind it, gets to decide them."
)

DEVICES = (
    "The same work on every microcontroller of the table, with the same front end, radio and battery. "
    "Bars: typical; whiskers: all low bounds and all high bounds at once."
)

FAULTS = (
    "Each run is the guarded firmware on the broken signal. Beats that are lost, rejected or undecided "
    "count as misses; times are those of a gateway that corrects the clock. Sent is every beat that is "
    "not normal; latest is the longest way from an R peak to the radio. Power is counted runs times "
    "executed cost."
)

LEVELS = (
    "Clocks and core voltages of {device}. The busiest sample ends a block with all its decisions; in "
    "time means, by the high bound, before the next sample (7.8 ms), or before the 32 that a front end "
    "with a FIFO holds (250 ms). Temperature is left out."
)

HARVEST = (
    "A day is a stated profile of published levels, not a recording; the load is this recording over and "
    "over. While the device is off nothing is analysed and every beat is lost; after a brown-out it "
    "starts from reset. Low to high: the best and the worst of light, wearing, converter, leak and load "
    "at once."
)

ACCELERATOR = (
    "Not the energy of a microcontroller, and not comparable with anything above. The operations of the "
    "same model on the same beats, priced for hardware of its own at 45 nm by Horowitz (2014): "
    "arithmetic, index handling and every SRAM access by its size, as EIE and SmartDeal count. Control, "
    "clock tree and leakage are left out."
)
