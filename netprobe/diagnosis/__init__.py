"""From observations to findings: functions of data, no input or output."""
