class VenueLeg:
    @classmethod
    def build(cls, setup, book):
        return None
