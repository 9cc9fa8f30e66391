"""What a shot says about itself: flow, edges."""
