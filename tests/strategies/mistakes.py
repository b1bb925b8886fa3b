MISTAKES={}
class Spoiled: pass
def spoiled_layers(): pass
