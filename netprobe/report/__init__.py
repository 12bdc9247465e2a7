"""One run, shown: text, JSON and the formats that CI systems read. Concludes nothing."""
