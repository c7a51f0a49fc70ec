"""What customers meet without a log-in: the intake link, its letters and its pages."""
