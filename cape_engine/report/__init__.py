"""Results for people: an HTML page with tables and a chart, and the story of one entry."""
