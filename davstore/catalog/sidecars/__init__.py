"""What media managers write beside videos."""
